/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey reference set make`: a set from lists of digests, or from what a good machine measured. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/cli/remote.h"
#include "broker/cli/set.h"
#include "policy/appraise/text.h"
#include "policy/evidence/ima/list.h"
#include "proto/tpm/algs.h"

#define PROGRESS 100000 /* a word on standard error after so many lines */
#define LINE_MAX_BYTES (66 << 10) /* a digest and the longest path that a list may hold */

static lk_result bad_line(const char *file, size_t number, const char *why)
{
    fprintf(stderr, "latchkey: %s:%zu: %s\n", file, number, why);
    return LK_FAIL(POLICY_OPERAND);
}

static uint16_t algorithm_of(size_t digest_len)
{
    static const uint16_t algs[] = {LK_TPM_SHA1, LK_TPM_SHA256, LK_TPM_SHA384, LK_TPM_SHA512};
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
        if (lk_bank_size(algs[i]) == digest_len)
            return algs[i];
    return 0;
}

/* A backslash before the digest says that the name's line ends and backslashes are escaped (coreutils). Blanks: as the kernel does. */
static size_t file_name(char *name, bool escaped)
{
    size_t n = 0;
    for (const char *p = name; *p != '\0'; p++) {
        char c = *p;
        if (escaped && c == '\\' && p[1] != '\0')
            c = *++p == 'n' ? '\n' : *p;
        name[n++] = c == ' ' ? '_' : c;
    }
    name[n] = '\0';
    return n;
}

static lk_result add_sum(struct lk_set_making *m, const char *file, size_t number, char *line, bool digests)
{
    uint8_t digest[LK_TPM_DIGEST_MAX];
    bool escaped = line[0] == '\\';
    char *hex = line + (escaped ? 1 : 0), *name = hex + strspn(hex, "0123456789abcdefABCDEF");
    ptrdiff_t n = lk_unhex(hex, (size_t)(name - hex), digest, sizeof(digest));
    uint16_t alg = n > 0 ? algorithm_of((size_t)n) : 0;
    if (alg == 0)
        return bad_line(file, number, "no digest of sha1, sha256, sha384 or sha512 in hex");
    struct lk_member member = {.alg = alg, .digest = lk_bytes(digest, (size_t)n)};
    if (digests)
        return lk_set_making_add(m, &member, true);
    if (name[0] != ' ' || (name[1] != ' ' && name[1] != '*') || name[2] == '\0')
        return bad_line(file, number, "no path after the digest, two blanks between them; --digests takes digests alone");
    if (strncmp(name + 2, "./", 2) == 0)
        return bad_line(file, number, "a path from . never is one that the kernel measured; run sha256sum on absolute paths");
    member.name = lk_bytes(name + 2, file_name(name + 2, escaped));
    return lk_set_making_add(m, &member, false);
}

lk_result lk_set_from_sums(struct lk_set_making *m, const char *file, bool digests)
{
    FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    char *line = NULL;
    size_t cap = 0, number = 0;
    lk_result r = LK_OK;
    if (in == NULL)
        return lk_cli_file_failed(file);
    for (ssize_t n; lk_ok(r) && (n = getline(&line, &cap, in)) >= 0;) {
        if (n > 0 && line[n - 1] == '\n')
            line[--n] = '\0';
        number++;
        if (n > LINE_MAX_BYTES || strlen(line) != (size_t)n)
            r = bad_line(file, number, "a line that is too long, or with a NUL");
        else if (n > 0 && line[0] != '#')
            r = add_sum(m, file, number, line, digests);
        if (number % PROGRESS == 0)
            fprintf(stderr, "%s: %zu lines\n", file, number);
    }
    free(line);
    if (in != stdin)
        fclose(in);
    return r;
}

/* Files, or buffers, of a list as the kernel gives it. Entries whose data nothing covers are left out, and said. */
static lk_result from_ima(struct lk_set_making *m, const char *file, bool buffers, bool digests)
{
    LK_BUF_AUTO bytes = lk_buf(LK_IMA_LIST_MAX);
    struct lk_ima_list list;
    struct lk_ima_entry e;
    size_t left_out = 0;
    LK_TRY(lk_cli_read_file(file, &bytes));
    lk_ima_open(lk_buf_bytes(&bytes), &list);
    lk_result r = LK_OK;
    for (bool more = true; lk_ok(r);) {
        r = lk_ima_next(&list, &e, &more);
        if (!lk_ok(r) || !more)
            break;
        uint16_t alg = lk_bank_by_name(e.algorithm);
        if (e.buffer != buffers || lk_bytes_eq(e.path, lk_bytes_str("boot_aggregate")))
            continue;
        if (e.violation || alg == 0 || lk_bank_size(alg) != e.digest.len) {
            left_out++;
            continue;
        }
        struct lk_member member = {e.path, (uint16_t)(alg | (e.verity ? LK_DIGEST_VERITY : 0)), e.digest, NULL};
        r = lk_set_making_add(m, &member, digests);
    }
    lk_ima_close(&list);
    if (left_out > 0)
        fprintf(stderr, "latchkey: %s: left out %zu violations or entries of unknown algorithms\n", file, left_out);
    return lk_ok(r) ? r : (lk_cli_fail(r, "%s", file), r);
}

lk_result lk_set_write(const char *path, struct lk_bytes bytes)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return lk_cli_file_failed(path);
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t n = write(fd, bytes.data + done, bytes.len - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    bool whole = done == bytes.len;
    lk_result r = whole ? LK_OK : lk_cli_file_failed(path);
    if (!standard)
        close(fd);
    return r;
}

struct making {
    struct lk_set_making *set;
    struct lk_set_head head;
    const char *out;
    bool digests;
};

enum { OPT_SUMS = 1, OPT_IMA, OPT_BUFFERS, OPT_DIGESTS, OPT_OUT, OPT_FROM, OPT_APPROVED, OPT_HELP };

static const struct option options[] = {
    {"sums", required_argument, NULL, OPT_SUMS},   {"ima", required_argument, NULL, OPT_IMA},
    {"buffers", required_argument, NULL, OPT_BUFFERS}, {"digests", no_argument, NULL, OPT_DIGESTS},
    {"out", required_argument, NULL, OPT_OUT},     {"from", required_argument, NULL, OPT_FROM},
    {"approved-by", required_argument, NULL, OPT_APPROVED}, {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const char usage[] =
    "usage: latchkey reference set make NAME --out FILE [--sums LIST]... [--ima LIST]... [--buffers LIST]...\n"
    "                                   [--digests] [--from TEXT] [--approved-by TEXT]\n"
    "\n"
    "  --sums LIST     lines of sha256sum or its siblings, with absolute paths; - is standard input\n"
    "  --ima LIST      the files of an IMA list of a good machine\n"
    "  --buffers LIST  its measured buffers: keys, device mapper tables\n"
    "  --digests       before these: digests alone, under any path\n"
    "  --out FILE      the set, for reference set put and appraise --set\n";

static lk_result take(struct making *m, int opt)
{
    switch (opt) {
    case OPT_SUMS:
        return lk_set_from_sums(m->set, optarg, m->digests);
    case OPT_IMA:
    case OPT_BUFFERS:
        return from_ima(m->set, optarg, opt == OPT_BUFFERS, m->digests);
    case OPT_DIGESTS:
        m->digests = true;
        return LK_OK;
    case OPT_OUT:
        m->out = optarg;
        return LK_OK;
    case OPT_FROM:
        m->head.from = optarg;
        return LK_OK;
    case OPT_APPROVED:
        m->head.approved_by = optarg;
        return LK_OK;
    default:
        return LK_FAIL(USAGE);
    }
}

static int finish(struct making *m)
{
    LK_BUF_AUTO bytes = lk_buf(LK_SET_FILE_MAX);
    lk_result r = lk_set_making_put(m->set, &m->head, &bytes);
    if (lk_ok(r))
        r = lk_set_write(m->out, lk_buf_bytes(&bytes));
    if (!lk_ok(r))
        return lk_cli_fail(r, "reference set make %s", m->head.name);
    fprintf(stderr, "%s: %zu members\n", m->head.name, lk_set_making_count(m->set));
    return 0;
}

static int run(struct making *m, int argc, char **argv)
{
    optind = 0;
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (opt == OPT_HELP)
            return fputs(usage, stdout) < 0;
        lk_result r = take(m, opt);
        if (!lk_ok(r))
            return r.code == LK_R_USAGE ? LK_EXIT_USAGE : lk_class_exit(lk_class_of(r));
    }
    if (optind + 1 != argc || m->out == NULL)
        return lk_cli_usage("reference set make: a name and --out are needed");
    m->head.name = argv[optind];
    return finish(m);
}

int lk_reference_set_make(int argc, char **argv)
{
    struct making m = {.set = lk_set_making_new(), .head = {.from = "", .approved_by = ""}};
    int code = m.set == NULL ? lk_cli_fail(LK_FAIL(MEMORY), "reference set make") : run(&m, argc, argv);
    lk_set_making_free(m.set);
    return code;
}
