/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey ima`: an IMA list as a table, and which of its entries a value of PCR 10 covers. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "broker/cli/command.h"
#include "broker/cli/remote.h"
#include "policy/evidence/ima/replay.h"

#define EXIT_NOT_COVERED 1

static lk_result show(struct lk_bytes bytes)
{
    struct lk_ima_list list;
    struct lk_ima_entry e;
    char digest[2 * LK_TPM_DIGEST_MAX + 1];
    lk_result r = LK_OK;
    lk_ima_open(bytes, &list);
    for (bool more = true; lk_ok(r);) {
        r = lk_ima_next(&list, &e, &more);
        if (!lk_ok(r) || !more)
            break;
        lk_hex(e.digest, digest, sizeof(digest));
        printf("%6zu  %2u  %-10s %s%.*s:%s  ", list.n_entries, (unsigned)e.pcr, e.template_name, e.violation ? "VIOLATION " : "",
               (int)e.algorithm.len, (const char *)e.algorithm.data, digest);
        for (size_t i = 0; i < e.path.len; i++)
            putchar(e.path.data[i] >= 0x20 && e.path.data[i] < 0x7f ? e.path.data[i] : '?');
        putchar('\n');
    }
    lk_ima_close(&list);
    return r;
}

static lk_result replay_one(struct lk_bytes list, const struct lk_tpm_hash *hash, struct lk_bytes value, bool *covered)
{
    struct lk_ima_replay r;
    uint8_t last[LK_TPM_DIGEST_MAX];
    char hex[2 * LK_TPM_DIGEST_MAX + 1];
    LK_TRY(lk_ima_replay(list, hash, value, &r, last));
    lk_hex(lk_bytes(last, hash->size), hex, sizeof(hex));
    *covered = r.matched && r.mismatch == 0;
    printf("%-6s  %s  %zu entries, %zu violations", hash->name, hex, r.covered, r.violations);
    if (r.mismatch > 0)
        printf(", entry %zu has another template hash than its data", r.mismatch);
    if (r.matched)
        printf(", %zu entries follow that are not covered%s", r.tail, r.padded ? ", padded SHA-1 hashes" : "");
    else if (value.data != NULL)
        printf(", no prefix gives the value");
    putchar('\n');
    return LK_OK;
}

static const uint16_t banks[] = {LK_TPM_SHA1, LK_TPM_SHA256, LK_TPM_SHA384, LK_TPM_SHA512};

/* The length of the value tells its bank; without a value all banks are shown. */
static lk_result replay(struct lk_bytes list, struct lk_bytes value, bool *covered)
{
    bool all = value.data == NULL;
    for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++) {
        const struct lk_tpm_hash *hash = lk_tpm_hash(banks[i]);
        if (all || value.len == hash->size)
            LK_TRY(replay_one(list, hash, value, covered));
    }
    *covered = *covered || all;
    return LK_OK;
}

static bool parse_pcr(const char *hex, uint8_t *out, struct lk_bytes *value)
{
    ptrdiff_t n = lk_unhex(hex, strlen(hex), out, LK_TPM_DIGEST_MAX);
    *value = lk_bytes(out, n < 0 ? 0 : (size_t)n);
    return n == 20 || n == 32 || n == 48 || n == 64;
}

static const char help[] =
    "usage: latchkey ima show FILE\n"
    "       latchkey ima replay FILE [--pcr10 HEX]\n\n"
    "  FILE         an IMA list, binary or ASCII: /sys/kernel/security/ima/binary_runtime_measurements\n"
    "  --pcr10 HEX  a value of PCR 10, of any bank: which entries it covers; without it what each bank's PCR 10 would be\n"
    "Exit status: 0; 1 no prefix of the list gives the value; 4 malformed; 64 wrong usage.\n";

static int run(bool entries, int argc, char **argv)
{
    if (lk_cli_help(argc, argv, help))
        return 0;
    static const struct option options[] = {{"pcr10", required_argument, NULL, 'p'}, {0}};
    uint8_t room[LK_TPM_DIGEST_MAX];
    struct lk_bytes value = LK_BYTES_NONE;
    bool ok = true, covered = false;
    int opt;
    optind = 0;
    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
        ok = opt == 'p' && !entries && parse_pcr(optarg, room, &value) && ok;
    if (!ok || optind + 1 != argc)
        return lk_cli_usage("usage: latchkey ima %s FILE%s", argv[0], entries ? "" : " [--pcr10 HEX]");
    LK_BUF_AUTO list = lk_buf(LK_IMA_LIST_MAX);
    lk_result r = lk_cli_read_file(argv[optind], &list);
    if (lk_ok(r))
        r = entries ? show(lk_buf_bytes(&list)) : replay(lk_buf_bytes(&list), value, &covered);
    if (!lk_ok(r))
        return lk_cli_fail(r, "%s", argv[optind]);
    return entries || covered ? 0 : EXIT_NOT_COVERED;
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
    {"show", "FILE: the entries", cmd_show},
    {"replay", "FILE [--pcr10 HEX]: the values of PCR 10 that the list gives; exit 1 when no prefix gives this one", cmd_replay},
};

int lk_cmd_ima(int argc, char **argv)
{
    return lk_cli_dispatch("latchkey ima", verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
