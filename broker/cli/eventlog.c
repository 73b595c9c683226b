/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey eventlog`: a TCG event log or a CCEL as a table, and whether it explains PCR or RTMR values. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/command.h"
#include "broker/cli/remote.h"
#include "policy/evidence/eventlog/eventlog.h"
#include "policy/evidence/eventlog/reader.h"

#define BANKS 4
#define PCRS_MAX (BANKS * LK_REGISTERS_MAX)
#define EXIT_UNEXPLAINED 1
#define SHOWN 60 /* characters of an event's text in the table */

static const uint16_t banks[BANKS] = {LK_TPM_SHA1, LK_TPM_SHA256, LK_TPM_SHA384, LK_TPM_SHA512};

struct subject {
    const char *file, *pcrs_file; /* pcrs: RTMRs likewise */
    const char *about;            /* the file that is being read */
    enum lk_register_kind kind;
    bool json;
    struct lk_buf log;
    struct lk_proof pcrs[PCRS_MAX];
    uint8_t values[PCRS_MAX][LK_TPM_DIGEST_MAX];
    size_t n_pcrs;
    struct lk_arena *arena;
};

/* ---- input ---- */

static bool add_pcr(struct subject *s, const struct lk_tpm_hash *hash, const char *index, const char *hex)
{
    char *end = NULL;
    unsigned long pcr = strtoul(index, &end, 10), max = s->kind == LK_REGISTERS_PCR ? LK_REGISTERS_MAX : 4;
    if (index[0] == '\0' || *end != '\0' || pcr >= max || hex == NULL || s->n_pcrs == PCRS_MAX)
        return false;
    uint8_t *value = s->values[s->n_pcrs];
    if (lk_unhex(hex, strlen(hex), value, LK_TPM_DIGEST_MAX) != hash->size)
        return false;
    s->pcrs[s->n_pcrs++] = (struct lk_proof){.kind = s->kind == LK_REGISTERS_PCR ? LK_PROOF_REGISTER : LK_PROOF_RTMR, .alg = hash->alg, .index = (uint32_t)pcr,
                                             .value = lk_bytes(value, hash->size)};
    return true;
}

static bool take_pcrs(struct subject *s, json_t *root)
{
    const char *bank, *index;
    json_t *values, *hex;
    bool ok = json_is_object(root);
    json_object_foreach(root, bank, values) {
        const struct lk_tpm_hash *hash = lk_tpm_hash_by_name(bank);
        ok = ok && hash != NULL && json_is_object(values);
        json_object_foreach(values, index, hex)
            ok = ok && add_pcr(s, hash, index, json_string_value(hex));
    }
    return ok && s->n_pcrs > 0;
}

static lk_result read_pcrs(struct subject *s)
{
    LK_BUF_AUTO text = lk_buf(1 << 20);
    if (s->pcrs_file == NULL)
        return LK_OK;
    s->about = s->pcrs_file;
    LK_TRY(lk_cli_read_file(s->pcrs_file, &text));
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = take_pcrs(s, root);
    json_decref(root);
    LK_REQUIRE(ok, TPM_PCRS_JSON);
    s->about = s->file;
    return LK_OK;
}

/* ---- events ---- */

static const char *type_text(const struct lk_tcg_event *e, char out[static 16])
{
    const char *name = lk_tcg_type_name(e->type);
    snprintf(out, 16, "%08x", (unsigned)e->type);
    return name != NULL ? name : out;
}

/* Whether a digest is of the data, in the longest bank: what is hashed otherwise is only a hint. */
static struct lk_bytes longest(const struct lk_tcg_log *log, const struct lk_tcg_event *e, const struct lk_tpm_hash **hash)
{
    struct lk_bytes digest = LK_BYTES_NONE;
    *hash = lk_tpm_hash(LK_TPM_SHA1);
    for (size_t i = 0; i < BANKS; i++) {
        struct lk_bytes d = lk_tcg_digest(log, e, banks[i]);
        if (d.data == NULL)
            continue;
        digest = d;
        *hash = lk_tpm_hash(banks[i]);
    }
    return digest;
}

static bool data_is_hashed(const struct lk_tcg_log *log, const struct lk_tcg_event *e)
{
    const struct lk_tpm_hash *hash;
    struct lk_bytes digest = longest(log, e, &hash);
    return e->type != LK_TCG_NO_ACTION && lk_boot_covers(hash, e->data, digest);
}

static void print_event(const struct lk_tcg_log *log, const struct lk_tcg_event *e, struct lk_arena *arena)
{
    char type[16], hex[2 * LK_TPM_DIGEST_MAX + 1];
    const struct lk_tpm_hash *hash;
    lk_hex(longest(log, e, &hash), hex, sizeof(hex));
    const char *text = lk_boot_text(e->data, arena);
    printf("%4zu  %4d  %-34s %-6s %.24s  %s ", log->n_events, (int)e->index, type_text(e, type), hash->name, hex,
           data_is_hashed(log, e) ? "=" : " ");
    if (text != NULL && strpbrk(text, "\n\t") == NULL)
        printf("%.*s\n", SHOWN, text);
    else
        printf("(%zu bytes)\n", e->data.len);
}

static void put_hex(json_t *to, const char *name, struct lk_bytes b)
{
    LK_BUF_AUTO hex = lk_buf(2 * LK_TCG_LOG_MAX + 1);
    uint8_t *room = lk_put_room(&hex, 2 * b.len + 1);
    if (room == NULL)
        return;
    lk_hex(b, (char *)room, 2 * b.len + 1);
    json_object_set_new(to, name, json_string((const char *)room));
}

static json_t *event_json(const struct lk_tcg_log *log, const struct lk_tcg_event *e, struct lk_arena *arena)
{
    char type[16];
    json_t *digests = json_object(), *out = json_object();
    for (size_t i = 0; i < BANKS; i++)
        if (lk_tcg_digest(log, e, banks[i]).data != NULL)
            put_hex(digests, lk_tpm_hash(banks[i])->name, lk_tcg_digest(log, e, banks[i]));
    json_object_set_new(out, "event", json_integer((json_int_t)log->n_events));
    json_object_set_new(out, "pcr", json_integer((int)e->index));
    json_object_set_new(out, "type", json_string(type_text(e, type)));
    json_object_set_new(out, "digests", digests);
    json_object_set_new(out, "data_is_hashed", json_boolean(data_is_hashed(log, e)));
    put_hex(out, "data", e->data);
    const char *text = lk_boot_text(e->data, arena);
    if (text != NULL)
        json_object_set_new(out, "text", json_string(text));
    return out;
}

static lk_result show_events(const struct subject *s, json_t *out)
{
    struct lk_tcg_log log;
    struct lk_tcg_event e;
    json_t *list = s->json ? json_array() : NULL;
    if (list != NULL)
        json_object_set_new(out, "events", list);
    else
        printf("%4s  %4s  %-34s %-6s %-24s  %s\n", "no", s->kind == LK_REGISTERS_PCR ? "pcr" : "mr", "type", "bank", "digest", "= data that was hashed");
    LK_TRY(lk_tcg_open(lk_buf_bytes(&s->log), &log));
    for (bool more = true;;) {
        LK_TRY(lk_tcg_next(&log, &e, &more));
        if (!more)
            return LK_OK;
        if (list != NULL)
            json_array_append_new(list, event_json(&log, &e, s->arena));
        else
            print_event(&log, &e, s->arena);
    }
}

/* ---- registers ---- */

static const struct lk_proof *given(const struct subject *s, uint16_t alg, uint32_t pcr)
{
    for (size_t i = 0; i < s->n_pcrs; i++)
        if (s->pcrs[i].alg == alg && s->pcrs[i].index == pcr)
            return &s->pcrs[i];
    return NULL;
}

static const char *state_of(const struct lk_registers *r, uint32_t pcr, const struct lk_proof *value)
{
    if (value == NULL)
        return "";
    if (r->kind == LK_REGISTERS_PCR && pcr == 10)
        return "IMA's";
    if (r->kind == LK_REGISTERS_RTMR && pcr == 3 && r->extends[pcr] == 0 && !lk_registers_is_reset(r, pcr, value->value))
        return "the guest's own";
    if (r->extends[pcr] > 0)
        return lk_bytes_eq(lk_registers_value(r, pcr), value->value) ? "explained" : "NOT explained";
    return lk_registers_is_reset(r, pcr, value->value) ? "at its reset value" : "NOT explained";
}

static bool put_register(const struct subject *s, const struct lk_registers *r, uint32_t pcr, json_t *bank)
{
    char hex[2 * LK_TPM_DIGEST_MAX + 1], index[12];
    const struct lk_proof *value = given(s, r->hash->alg, pcr);
    if (value == NULL && (s->n_pcrs > 0 || r->extends[pcr] == 0))
        return true;
    const char *state = state_of(r, pcr, value);
    lk_hex(lk_registers_value(r, pcr), hex, sizeof(hex));
    snprintf(index, sizeof(index), "%u", (unsigned)pcr);
    if (bank != NULL)
        json_object_set_new(bank, index, json_pack("{s:s, s:i, s:s}", "value", hex, "events", (int)r->extends[pcr], "state", state));
    else
        printf("%-6s %4s  %s  %u events  %s\n", r->hash->name, index, hex, (unsigned)r->extends[pcr], state);
    return state[0] != 'N';
}

static bool wanted(const struct subject *s, uint16_t alg)
{
    for (size_t i = 0; i < s->n_pcrs; i++)
        if (s->pcrs[i].alg == alg)
            return true;
    return s->n_pcrs == 0;
}

/* A bank that the log lacks explains nothing: its registers stay as after a reset. */
static lk_result replay_bank(const struct subject *s, uint16_t alg, json_t *out, bool *explained)
{
    struct lk_registers r;
    const struct lk_tpm_hash *hash = lk_tpm_hash(alg);
    lk_result result = lk_tcg_replay(lk_buf_bytes(&s->log), s->kind, hash, &r);
    if (result.code == LK_R_EVENTLOG_BANK) {
        if (s->n_pcrs == 0)
            return LK_OK;
        lk_registers_reset(&r, s->kind, hash);
    } else {
        LK_TRY(result);
    }
    json_t *bank = s->json ? json_object() : NULL;
    for (uint32_t pcr = 0; pcr < r.n; pcr++)
        *explained = put_register(s, &r, pcr, bank) && *explained;
    if (bank != NULL)
        json_object_set_new(out, hash->name, bank);
    return LK_OK;
}

/* What the family would say under these values; the exit code is about the replay alone. */
static lk_result judge(const struct subject *s, json_t *out)
{
    struct lk_report report = {.n = 0};
    struct lk_eventlog_judged judged;
    struct lk_boot boot = {.command_line = NULL};
    struct lk_boot_fault fault = {0};
    lk_result r = lk_eventlog_judge(lk_buf_bytes(&s->log), s->kind, s->pcrs, s->n_pcrs, &report, &judged);
    if (lk_ok(r))
        r = lk_boot_read(lk_buf_bytes(&s->log), s->kind, judged.hash, judged.explained, s->arena, &boot, &fault);
    const char *line = !lk_ok(r) ? NULL : s->kind == LK_REGISTERS_PCR ? boot.command_line : boot.logged_command_line;
    if (out == NULL) {
        printf("rules: %s, event %zu\n", lk_reason(r.code)->name, lk_ok(r) ? 0 : fault.event);
        if (line != NULL)
            printf("command line: %s\n", line);
        return LK_OK;
    }
    json_object_set_new(out, "rules", json_string(lk_reason(r.code)->name));
    json_object_set_new(out, "event", json_integer(lk_ok(r) ? 0 : (json_int_t)fault.event));
    json_object_set_new(out, "command_line", line != NULL ? json_string(line) : json_null());
    return LK_OK;
}

static lk_result replay(const struct subject *s, json_t *out, bool *explained)
{
    json_t *all = s->json ? json_object() : NULL;
    if (all != NULL)
        json_object_set_new(out, s->kind == LK_REGISTERS_PCR ? "pcrs" : "rtmrs", all);
    for (size_t i = 0; i < BANKS; i++)
        if (wanted(s, banks[i]))
            LK_TRY(replay_bank(s, banks[i], all, explained));
    if (s->n_pcrs == 0)
        return LK_OK;
    if (all != NULL)
        json_object_set_new(out, "explained", json_boolean(*explained));
    else
        printf("The log %s the %s.\n", *explained ? "explains" : "does not explain", s->kind == LK_REGISTERS_PCR ? "PCRs" : "RTMRs");
    return judge(s, out);
}

/* ---- commands ---- */

static bool parse_options(struct subject *s, int argc, char **argv)
{
    static const struct option options[] = {{"pcrs", required_argument, NULL, 'p'}, {"rtmrs", required_argument, NULL, 'r'},
                                            {"ccel", no_argument, NULL, 'c'},       {"json", no_argument, NULL, 'j'}, {0}};
    int opt;
    optind = 0;
    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == '?' || ((opt == 'p' || opt == 'r') && s->pcrs_file != NULL))
            return false;
        if (opt == 'p' || opt == 'r')
            s->pcrs_file = optarg;
        if (opt == 'r' || opt == 'c')
            s->kind = LK_REGISTERS_RTMR;
        s->json = s->json || opt == 'j';
    }
    s->file = optind + 1 == argc ? argv[optind] : NULL;
    return s->file != NULL;
}

static lk_result work(struct subject *s, bool events, bool *explained)
{
    json_t *out = s->json ? json_object() : NULL;
    s->about = s->file;
    lk_result r = lk_cli_read_file(s->file, &s->log);
    if (lk_ok(r))
        r = read_pcrs(s);
    if (lk_ok(r) && events)
        r = show_events(s, out);
    if (lk_ok(r) && (!events || s->n_pcrs > 0))
        r = replay(s, out, explained);
    if (lk_ok(r) && out != NULL && json_dumpf(out, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) == 0)
        putchar('\n');
    json_decref(out);
    return r;
}

static const char help[] =
    "usage: latchkey eventlog show | replay FILE [--pcrs FILE | --ccel | --rtmrs FILE] [--json]\n\n"
    "  FILE          a TPM's log (/sys/kernel/security/tpm0/binary_bios_measurements), or a TD's (CCEL) with --ccel\n"
    "  --pcrs FILE   PCR values, JSON {bank: {index: hex}}: whether the log explains them, and what family eventlog says\n"
    "  --ccel        the log is a TD's: /sys/firmware/acpi/tables/data/CCEL, about RTMRs\n"
    "  --rtmrs FILE  as --pcrs, of a TD: {\"sha384\": {\"0\": hex, ...}}\n"
    "  --json        machine-readable output\n"
    "Exit status: 0; 1 the log does not explain the values; 4 malformed; 64 wrong usage.\n";

static int run(bool events, int argc, char **argv)
{
    if (lk_cli_help(argc, argv, help))
        return 0;
    struct subject *s = calloc(1, sizeof(*s));
    bool explained = true;
    int code = LK_EXIT_USAGE;
    if (s == NULL)
        return lk_cli_fail(LK_FAIL(MEMORY), "eventlog");
    s->log = lk_buf(LK_TCG_LOG_MAX);
    s->arena = lk_arena_new(16u << 20);
    if (s->arena == NULL || !parse_options(s, argc, argv)) {
        lk_cli_usage("usage: latchkey eventlog %s FILE [--pcrs FILE | --ccel | --rtmrs FILE] [--json]", argv[0]);
    } else {
        lk_result r = work(s, events, &explained);
        code = !lk_ok(r) ? lk_cli_fail(r, "%s", s->about) : explained ? 0 : EXIT_UNEXPLAINED;
    }
    lk_buf_free(&s->log);
    lk_arena_free(s->arena);
    free(s);
    return code;
}

static int cmd_show(int argc, char **argv)
{
    return run(true, argc, argv);
}

static int cmd_replay(int argc, char **argv)
{
    return run(false, argc, argv);
}

static const struct lk_command verbs[] = {
    {"show", "FILE [--pcrs FILE | --ccel | --rtmrs FILE] [--json]: the events", cmd_show},
    {"replay", "FILE [--pcrs FILE | --ccel | --rtmrs FILE] [--json]: the PCRs (of a CCEL the RTMRs) that the log gives; exit 1 when it does not explain those of the file", cmd_replay},
};

int lk_cmd_eventlog(int argc, char **argv)
{
    return lk_cli_dispatch("latchkey eventlog", verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
