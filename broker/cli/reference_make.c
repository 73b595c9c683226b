/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey reference make`: a reference record from what a good machine showed, or will show: its boot's files. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/authenticode.h"
#include "broker/cli/documents.h"
#include "broker/cli/remote.h"
#include "policy/appraise/text.h"
#include "policy/document/document.h"

#define CLAIMS_MAX 256
#define INPUT_MAX (4u << 20)
#define BOOT_FILES_MAX 32
#define BOOT_FILE_MAX (512u << 20)

struct boot_files {
    const char *path[BOOT_FILES_MAX];
    size_t n;
};

struct making {
    const char *id, *group, *state, *from, *appraisal, *pcrs, *bank, *command_line;
    const char *claims[CLAIMS_MAX]; /* "tpm.pcr.sha256.7", "tpm.pcr", "sev-snp.measurement" */
    size_t n_claims;
    struct boot_files applications, files;
    const struct lk_tpm_hash *hash; /* of bank */
    struct lk_buf out;
    size_t written;
};

/* Without --claim: what pins software. With it: the claim itself, or what is under it. */
static bool wanted(const struct making *m, const char *name, const struct lk_claim *row)
{
    if (m->n_claims == 0)
        return (row->flags & LK_CLAIM_PIN) != 0;
    for (size_t i = 0; i < m->n_claims; i++) {
        size_t n = strlen(m->claims[i]);
        if (strncmp(name, m->claims[i], n) == 0 && (name[n] == '\0' || name[n] == '.'))
            return true;
    }
    return false;
}

static void put_value(struct making *m, const char *name, const json_t *value)
{
    lk_put_fmt(&m->out, "  %s: ", name);
    if (json_is_boolean(value)) {
        lk_put_fmt(&m->out, "%s\n", json_is_true(value) ? "required" : "deny");
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT); /* JSON is YAML */
        lk_put_fmt(&m->out, "%s\n", text == NULL ? "\"\"" : text);
        free(text);
    }
    m->written++;
}

static void put_registers(struct making *m, const char *claim, const struct lk_claim *row, json_t *banks)
{
    const char *bank, *index;
    json_t *registers, *value;
    json_object_foreach (banks, bank, registers)
        json_object_foreach (registers, index, value) {
            char name[160];
            snprintf(name, sizeof(name), "%s.%s.%s", claim, bank, index);
            if (wanted(m, name, row))
                put_value(m, name, value);
        }
}

static void put_family(struct making *m, const struct lk_family *f, json_t *claims)
{
    for (size_t i = 0; i < f->n_claims; i++) {
        const struct lk_claim *row = &f->claims[i];
        json_t *value = json_object_get(claims, row->name);
        char name[160];
        snprintf(name, sizeof(name), "%s.%s", f->name, row->name);
        if (value == NULL || json_is_null(value) || row->kind == LK_KIND_WORDS || row->kind == LK_KIND_FILES)
            continue; /* lists are judged by rules and sets, not by records */
        if (row->kind == LK_KIND_REGISTERS)
            put_registers(m, name, row, value);
        else if (wanted(m, name, row))
            put_value(m, name, value);
    }
}

/* The output of `latchkey appraise --json`. Only an affirmed one is worth a record. */
static lk_result from_appraisal(struct making *m)
{
    json_t *root = json_load_file(m->appraisal, JSON_REJECT_DUPLICATES, NULL);
    const char *verdict = json_string_value(json_object_get(root, "verdict")), *family;
    json_t *claims = json_object_get(root, "claims"), *values;
    lk_result r = LK_OK;
    if (root == NULL || verdict == NULL || claims == NULL)
        r = LK_FAIL(POLICY_SYNTAX);
    if (lk_ok(r) && strcmp(verdict, "affirmed") != 0)
        fprintf(stderr, "latchkey: note: the appraisal says %s; look at why before you approve the record\n", verdict);
    if (lk_ok(r))
        json_object_foreach (claims, family, values) {
            const struct lk_family *f = lk_family_by_name(lk_bytes_str(family));
            if (f != NULL)
                put_family(m, f, values);
        }
    json_decref(root);
    return r;
}

/* What tpm2_pcrread prints: "  sha256:" and under it "    0 : 0xAB..". */
static json_t *pcrread_text(char *text)
{
    json_t *banks = json_object(), *bank = NULL;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char name[16], hex[132];
        unsigned index;
        if (sscanf(line, " %u : 0x%131[0-9A-Fa-f]", &index, hex) == 2 && bank != NULL && index < 24) {
            snprintf(name, sizeof(name), "%u", index);
            json_object_set_new(bank, name, json_string(hex));
        } else if (sscanf(line, " sha%7[0-9]:", hex) == 1) {
            bank = json_object();
            snprintf(name, sizeof(name), "sha%.7s", hex);
            json_object_set_new(banks, name, bank);
        }
    }
    return banks;
}

static lk_result from_pcrs(struct making *m)
{
    LK_BUF_AUTO text = lk_buf(INPUT_MAX);
    LK_TRY(lk_cli_read_file(strcmp(m->pcrs, "-") == 0 ? "/dev/stdin" : m->pcrs, &text));
    lk_put_u8(&text, 0);
    LK_TRY(lk_buf_ok(&text));
    char *chars = (char *)text.data;
    json_t *banks = chars[strspn(chars, " \t\r\n")] == '{' ? json_loads(chars, JSON_REJECT_DUPLICATES, NULL) : pcrread_text(chars);
    static const struct lk_claim pcr = {.name = "pcr", .kind = LK_KIND_REGISTERS, .flags = LK_CLAIM_PIN};
    if (banks != NULL)
        put_registers(m, "tpm.pcr", &pcr, banks);
    json_decref(banks);
    return m->written > 0 ? LK_OK : LK_FAIL(POLICY_SYNTAX);
}

typedef lk_result digest_fn(struct lk_bytes file, const struct lk_tpm_hash *hash, uint8_t out[static LK_TPM_DIGEST_MAX]);

static lk_result plain_digest(struct lk_bytes file, const struct lk_tpm_hash *hash, uint8_t out[static LK_TPM_DIGEST_MAX])
{
    return lk_tpm_digest(hash, &file, 1, out);
}

/* The list of registers `claim`, from 1 in the order given, and their number `count`. */
static lk_result from_files(struct making *m, const struct boot_files *files, digest_fn *digest, const char *claim, const char *count)
{
    for (size_t i = 0; i < files->n; i++) {
        LK_BUF_AUTO file = lk_buf(BOOT_FILE_MAX);
        uint8_t value[LK_TPM_DIGEST_MAX];
        char hex[2 * LK_TPM_DIGEST_MAX + 1];
        LK_TRY(lk_cli_read_file(files->path[i], &file));
        lk_result r = digest(lk_buf_bytes(&file), m->hash, value);
        if (!lk_ok(r)) {
            fprintf(stderr, "latchkey: %s\n", files->path[i]);
            return r;
        }
        lk_hex(lk_bytes(value, m->hash->size), hex, sizeof(hex));
        lk_put_fmt(&m->out, "  %s.%s.%zu: \"%s\"\n", claim, m->hash->name, i + 1, hex);
    }
    if (files->n > 0)
        lk_put_fmt(&m->out, "  %s: %zu\n", count, files->n);
    m->written += files->n;
    return LK_OK;
}

static lk_result from_boot(struct making *m)
{
    LK_TRY(from_files(m, &m->applications, lk_authenticode, "eventlog.boot-application", "eventlog.boot-applications"));
    LK_TRY(from_files(m, &m->files, plain_digest, "eventlog.file", "eventlog.files"));
    if (m->command_line == NULL)
        return LK_OK;
    json_t *line = json_string(m->command_line);
    LK_REQUIRE(line != NULL, POLICY_SYNTAX); /* not UTF-8 */
    put_value(m, "eventlog.command-line", line);
    json_decref(line);
    return LK_OK;
}

static lk_result accept_record(void *context, const char *id, struct lk_bytes message)
{
    (void)context;
    (void)id;
    (void)message;
    return LK_OK;
}

/* What is printed has passed the same checks as a file of the user's. */
static lk_result make(struct making *m, struct lk_document_errors *errors)
{
    lk_put_fmt(&m->out, "schema: latchkey-reference/1\nid: %s\ngroup: %s\nstate: %s\n", m->id, m->group, m->state);
    if (m->from != NULL)
        lk_put_fmt(&m->out, "from: '%s'\n", m->from);
    lk_put_fmt(&m->out, "match:\n");
    if (m->appraisal != NULL)
        LK_TRY(from_appraisal(m));
    if (m->pcrs != NULL)
        LK_TRY(from_pcrs(m));
    LK_TRY(from_boot(m));
    LK_REQUIRE(m->written > 0, POLICY_CLAIM);
    LK_TRY(lk_buf_ok(&m->out));
    return lk_document_references(lk_buf_bytes(&m->out), accept_record, NULL, errors);
}

static const struct option options[] = {
    {"id", required_argument, NULL, 'i'},    {"group", required_argument, NULL, 'g'}, {"state", required_argument, NULL, 's'},
    {"note", required_argument, NULL, 'n'},  {"from", required_argument, NULL, 'f'},  {"pcrs", required_argument, NULL, 'p'},
    {"claim", required_argument, NULL, 'c'}, {"bank", required_argument, NULL, 'b'},  {"command-line", required_argument, NULL, 'l'},
    {"application", required_argument, NULL, 'a'}, {"file", required_argument, NULL, 'e'}, {"help", no_argument, NULL, 'h'}, {0},
};

static bool take_option(struct making *m, int opt)
{
    const char **const fields[] = {&m->id, &m->group, &m->state, &m->from, &m->appraisal, &m->pcrs, &m->bank, &m->command_line};
    static const char letters[] = "igsnfpbl";
    const char *at = strchr(letters, opt);
    if (at != NULL && *at != '\0') {
        *fields[at - letters] = optarg;
        return true;
    }
    struct boot_files *files = opt == 'a' ? &m->applications : &m->files;
    if (opt == 'a' || opt == 'e') {
        if (files->n == BOOT_FILES_MAX)
            return false;
        files->path[files->n++] = optarg;
        return true;
    }
    if (opt != 'c' || m->n_claims == CLAIMS_MAX)
        return false;
    m->claims[m->n_claims++] = optarg;
    return true;
}

static int finish(struct making *m)
{
    struct lk_document_errors *errors = calloc(1, sizeof(*errors));
    lk_result r = errors == NULL ? LK_FAIL(MEMORY) : make(m, errors);
    for (size_t i = 0; errors != NULL && i < errors->n; i++)
        fprintf(stderr, "latchkey: %s: %s\n", lk_reason(errors->e[i].code)->name, errors->e[i].text);
    free(errors);
    if (!lk_ok(r))
        return lk_cli_fail(r, "reference make %s", m->id);
    fwrite(m->out.data, 1, m->out.len, stdout);
    return 0;
}

int lk_reference_make(int argc, char **argv)
{
    static const char usage[] =
        "usage: latchkey reference make --id ID --group GROUP [--state active|staged] [--note TEXT]\n"
        "         [--from APPRAISAL.json | --pcrs FILE] [--claim FAMILY.CLAIM]...\n"
        "         [--application FILE]... [--file FILE]... [--command-line TEXT] [--bank BANK]\n"
        "  --from   what `latchkey appraise --json` printed; without --claim the claims that pin software are taken\n"
        "  --pcrs   JSON {bank: {index: hex}}, or what tpm2_pcrread prints; - is standard input\n"
        "  --application, --file, --command-line   what a boot will measure, in its order: EFI applications as PCR 4 has them\n"
        "           (shim, GRUB, kernel), files as PCR 9 has them (grub.cfg, kernel, initrd), the text that GRUB's `linux` gets\n"
        "  --bank   of these digests; default sha256\n"
        "The record goes to standard output; look at it, then `latchkey reference add`.\n";
    struct making m = {.state = "active", .bank = "sha256"};
    optind = 0;
    argv[0] = (char *)(uintptr_t)"latchkey"; /* who speaks in getopt's messages */
    for (int opt; (opt = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (opt == 'h')
            return fputs(usage, stdout) < 0;
        if (!take_option(&m, opt))
            return lk_cli_usage("reference make: wrong option (see --help)");
    }
    bool boot = m.applications.n + m.files.n > 0 || m.command_line != NULL;
    bool one = (m.appraisal != NULL) + (m.pcrs != NULL) + boot > 0 && (m.appraisal == NULL || m.pcrs == NULL);
    m.hash = lk_tpm_hash_by_name(m.bank);
    if (m.id == NULL || m.group == NULL || m.hash == NULL || !one || optind != argc) {
        fputs(usage, stderr);
        return LK_EXIT_USAGE;
    }
    m.out = lk_buf(INPUT_MAX);
    int code = finish(&m);
    lk_buf_free(&m.out);
    return code;
}
