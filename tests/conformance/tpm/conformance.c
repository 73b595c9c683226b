/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/tpm/conformance.h"

#include "policy/chain/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

struct lk_bytes read_vector(struct lk_arena *arena, const char *name)
{
    char path[256];
    if (name == NULL)
        return LK_BYTES_NONE;
    snprintf(path, sizeof(path), VECTORS "%s", name);
    FILE *f = fopen(path, "rb");
    uint8_t *data = lk_arena_alloc(arena, 1 << 18);
    if (f == NULL || data == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    size_t n = fread(data, 1, 1 << 18, f);
    fclose(f);
    return lk_bytes(data, n);
}

/* Some makers put the certificate's text in front of it. */
static struct lk_bytes without_preface(struct lk_bytes file)
{
    const uint8_t *begin = memmem(file.data, file.len, "-----BEGIN", 10);
    return begin == NULL ? file : lk_bytes(begin, file.len - (size_t)(begin - file.data));
}

void add_certificate(struct lk_trust *trust, struct lk_arena *arena, const char *name, bool anchor)
{
    struct lk_bytes der[1];
    size_t n = 1;
    lk_result r = lk_certs_split(without_preface(read_vector(arena, name)), arena, der, &n);
    if (lk_ok(r))
        r = anchor ? lk_trust_add_anchor(trust, "tpm", name, der[0])
                   : lk_trust_add_intermediate(trust, "tpm", der[0]);
    expect_code(name, r.code, LK_R_OK);
}

void expect_code(const char *what, enum lk_reason_code got, enum lk_reason_code wanted)
{
    if (got == wanted)
        return;
    printf("FAIL %s: %s, wanted %s\n", what, lk_reason(got)->name, lk_reason(wanted)->name);
    failures++;
}

void expect_true(const char *what, bool holds)
{
    if (holds)
        return;
    printf("FAIL %s\n", what);
    failures++;
}

int main(int argc, char **argv)
{
    if (access(VECTORS "SOURCES.md", R_OK) != 0) {
        printf("SKIPPED: the public vectors are not at " VECTORS "\n");
        return 77;
    }
    if (argc != 2)
        return 64;
    int rows = strcmp(argv[1], "bundles") == 0 ? run_bundles() : run_certificates();
    printf("%d rows, %d failures\n", rows, failures);
    return failures == 0 && rows > 0 ? 0 : 1;
}
