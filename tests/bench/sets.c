/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latchkey-bench-sets [ENTRIES [MEMBERS]]: an IMA list of so many entries against a reference set of so many members,
 * beside bare hashing of the same bytes in the same run. Prints one figure a line.
 */
#include "policy/appraise/lists.h"
#include "policy/appraise/sets.h"
#include "policy/evidence/ima/contents.h"
#include "policy/evidence/ima/replay.h"
#include "broker/cli/set_file.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "latchkey-bench-sets: %s\n", what);
    exit(1);
}

static void must(lk_result r, const char *what)
{
    if (!lk_ok(r))
        die(what);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void tell(const char *what, double begun, size_t n)
{
    double s = now() - begun;
    printf("%-40s %8.1f ms  %7.3f us each\n", what, s * 1e3, s * 1e6 / (double)n);
}

/* The file number i: its path and its digest. */
static void file(size_t i, char path[static 64], uint8_t digest[static 32])
{
    snprintf(path, 64, "/usr/lib/x86_64-linux-gnu/libexample-%zu.so", i);
    if (EVP_Digest(path, strlen(path), digest, NULL, EVP_sha256(), NULL) != 1)
        die("no SHA-256");
}

static void put_entry(struct lk_buf *list, size_t i)
{
    char path[64];
    uint8_t digest[32], hash[LK_TPM_DIGEST_MAX];
    LK_BUF_AUTO data = lk_buf(256);
    file(i, path, digest);
    lk_put_u32le(&data, 40);
    lk_put(&data, lk_bytes("sha256:", 8));
    lk_put(&data, LK_BYTES(digest));
    lk_put_sized_u32le(&data, lk_bytes(path, strlen(path) + 1));
    struct lk_bytes bytes = lk_buf_bytes(&data);
    must(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA1), &bytes, 1, hash), "SHA-1");
    lk_put_u32le(list, 10);
    lk_put(list, lk_bytes(hash, 20));
    lk_put_sized_u32le(list, lk_bytes("ima-ng", 6));
    lk_put_sized_u32le(list, bytes);
}

static void bare_hashing(struct lk_bytes bytes, size_t n)
{
    struct lk_ima_list list;
    struct lk_ima_entry e;
    uint8_t digest[32];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool more = true;
    double begun = now();
    lk_ima_open(bytes, &list);
    while (lk_ok(lk_ima_next(&list, &e, &more)) && more)
        if (EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(ctx, e.data.data, e.data.len) != 1 ||
            EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
            die("hashing");
    lk_ima_close(&list);
    EVP_MD_CTX_free(ctx);
    tell("parse, one SHA-256 of each entry", begun, n);
}

static struct lk_value collect(struct lk_bytes bytes, size_t n, struct lk_arena *arena, struct lk_ima_contents *contents)
{
    struct lk_ima_replay replay;
    uint8_t last[LK_TPM_DIGEST_MAX];
    struct lk_family_input in = {.arena = arena};
    double begun = now();
    must(lk_ima_replay(bytes, lk_tpm_hash(LK_TPM_SHA256), LK_BYTES_NONE, &replay, last), "replay");
    tell("replay", begun, n);
    begun = now();
    must(lk_ima_contents(&in, bytes, n, contents), "contents");
    tell("collect files", begun, n);
    return (struct lk_value){.kind = LK_KIND_FILES, .present = true, .list = {contents->files, contents->n_files}};
}

static struct lk_policyset *load(struct lk_set_parts *parts, bool digests, size_t members)
{
    struct lk_set_making *m = lk_set_making_new();
    struct lk_policyset *set = lk_policyset_new();
    static const struct lk_set_head head = {.name = "list", .from = "", .approved_by = ""};
    if (m == NULL || set == NULL)
        die("memory");
    double begun = now();
    for (size_t i = 0; i < members; i++) {
        char path[64];
        uint8_t digest[32];
        file(i, path, digest);
        struct lk_member one = {.name = lk_bytes_str(path), .alg = LK_TPM_SHA256, .digest = LK_BYTES(digest)};
        must(lk_set_making_add(m, &one, digests), "add");
    }
    parts->bytes = lk_buf(LK_SET_FILE_MAX);
    must(lk_set_making_put(m, &head, &parts->bytes), "put");
    tell(digests ? "make a set of digests" : "make a set of files", begun, members);
    lk_set_making_free(m);
    must(lk_set_parts_read(parts), "read");
    begun = now();
    for (size_t i = 0; i < parts->n; i++)
        must(lk_policyset_add_set(set, parts->messages[i], NULL), "load");
    tell("load it, order checked", begun, members);
    return set;
}

static void judge(const struct lk_value *files, bool digests, size_t members, size_t n)
{
    struct lk_set_parts *parts = calloc(1, sizeof(*parts));
    struct lk_value name = {.kind = LK_KIND_TEXT, .present = true, .word = "list"};
    struct lk_rule rule = {.name = "files", .op = LK_OP_IN_SET, .operands = &name, .n = 1};
    struct lk_list_tally tally;
    const char *which;
    if (parts == NULL)
        die("memory");
    struct lk_policyset *set = load(parts, digests, members);
    double begun = now();
    must(lk_list_judge(set, &rule, files, &tally, &which), "judge");
    tell("judge the list against it", begun, n);
    if (tally.listed != tally.members || tally.members < n - 1)
        die("a file was not found");
    lk_policyset_free(set);
    lk_set_parts_free(parts);
    free(parts);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, members = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
    struct lk_buf list = lk_buf(256u << 20);
    struct lk_arena *arena = lk_arena_new(256u << 20);
    struct lk_ima_contents contents;
    if (arena == NULL || n < 2 || members < n)
        die("usage: latchkey-bench-sets [ENTRIES [MEMBERS]]");
    for (size_t i = 0; i < n; i++)
        put_entry(&list, i);
    must(lk_buf_ok(&list), "memory");
    printf("%zu entries, %zu bytes; %zu members\n", n, list.len, members);
    bare_hashing(lk_buf_bytes(&list), n);
    struct lk_value files = collect(lk_buf_bytes(&list), n, arena, &contents);
    judge(&files, true, members, n);
    judge(&files, false, members, n);
    lk_arena_free(arena);
    lk_buf_free(&list);
    return 0;
}
