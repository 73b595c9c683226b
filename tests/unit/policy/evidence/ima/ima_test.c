/* SPDX-License-Identifier: Apache-2.0 */
/* The family as the engine runs it, on lists that are made here; each rule fails alone. */
#include "policy/evidence/ima/ima.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PCRS 11

struct run {
    struct lk_buf list;
    bool ascii;
    uint8_t pcrs[PCRS][32]; /* sha256; 10 follows the list */
    size_t n_proofs;
    struct lk_proof proofs[PCRS + 1];
    struct lk_arena *arena;
    struct lk_report report;
    struct lk_value values[LK_FAMILY_CLAIMS_MAX];
};

static void digest(uint16_t alg, struct lk_bytes a, struct lk_bytes b, uint8_t out[static LK_TPM_DIGEST_MAX])
{
    struct lk_bytes parts[] = {a, b};
    if (!lk_ok(lk_tpm_digest(lk_tpm_hash(alg), parts, 2, out)))
        abort();
}

/* Template data of ima-ng. */
static void put_data(struct lk_buf *out, const uint8_t file[static 32], const char *path)
{
    lk_put_u32le(out, 8 + 32);
    lk_put(out, lk_bytes("sha256:", 8));
    lk_put(out, lk_bytes(file, 32));
    lk_put_u32le(out, (uint32_t)strlen(path) + 1);
    lk_put(out, lk_bytes(path, strlen(path) + 1));
}

static void extend(struct run *r, const uint8_t value[static 32])
{
    uint8_t next[LK_TPM_DIGEST_MAX];
    digest(LK_TPM_SHA256, LK_BYTES(r->pcrs[10]), lk_bytes(value, 32), next);
    memcpy(r->pcrs[10], next, 32);
}

enum how { HASHED, VIOLATION, WRONG_HASH, PADDED, NOT_EXTENDED };

static void put_entry(struct run *r, const uint8_t hash[static 20], struct lk_bytes data, const uint8_t file[static 32], const char *path)
{
    if (r->ascii) {
        char a[41], b[65];
        lk_hex(lk_bytes(hash, 20), a, sizeof(a));
        lk_hex(lk_bytes(file, 32), b, sizeof(b));
        lk_put_fmt(&r->list, "10 %s ima-ng sha256:%s %s\n", a, b, path);
        return;
    }
    lk_put_u32le(&r->list, 10);
    lk_put(&r->list, lk_bytes(hash, 20));
    lk_put_sized_u32le(&r->list, lk_bytes("ima-ng", 6));
    lk_put_sized_u32le(&r->list, data);
}

static void entry(struct run *r, const uint8_t file[static 32], const char *path, enum how how)
{
    uint8_t hash[LK_TPM_DIGEST_MAX] = {0}, extended[LK_TPM_DIGEST_MAX] = {0};
    LK_BUF_AUTO data = lk_buf(4096);
    put_data(&data, file, path);
    digest(LK_TPM_SHA1, lk_buf_bytes(&data), LK_BYTES_NONE, hash);
    digest(LK_TPM_SHA256, lk_buf_bytes(&data), LK_BYTES_NONE, extended);
    if (how == VIOLATION) {
        memset(hash, 0, 20);
        memset(extended, 0xff, 32);
    }
    if (how == PADDED) {
        memset(extended, 0, 32);
        memcpy(extended, hash, 20);
    }
    if (how == WRONG_HASH)
        hash[0] ^= 1;
    put_entry(r, hash, lk_buf_bytes(&data), file, path);
    if (how != NOT_EXTENDED)
        extend(r, extended);
}

static void open_list(struct run *r, bool ascii, enum how how)
{
    uint8_t aggregate[LK_TPM_DIGEST_MAX];
    memset(r, 0, sizeof(*r));
    r->list = lk_buf(1 << 16);
    r->ascii = ascii;
    r->arena = lk_arena_new(1 << 20);
    for (uint8_t i = 0; i < 10; i++)
        memset(r->pcrs[i], i + 1, 32);
    digest(LK_TPM_SHA256, lk_bytes(r->pcrs, 320), LK_BYTES_NONE, aggregate);
    entry(r, aggregate, "boot_aggregate", how);
    entry(r, (const uint8_t *)"digest of a program, 32 bytes...", "/usr/bin/program", how);
}

static void close_list(struct run *r)
{
    lk_buf_free(&r->list);
    lk_arena_free(r->arena);
}

/* Quotes PCR from to 10. */
static enum lk_reason_code judge(struct run *r, uint32_t from)
{
    struct lk_bytes part = lk_buf_bytes(&r->list);
    struct lk_family_input in = {.parts = &part, .arena = r->arena, .report = &r->report};
    struct lk_anchoring how = {0};
    struct lk_item *item;
    r->proofs[0] = (struct lk_proof){.kind = LK_PROOF_TPM_NAME};
    r->n_proofs = 1;
    for (uint32_t i = from; i < PCRS; i++)
        r->proofs[r->n_proofs++] = (struct lk_proof){.kind = LK_PROOF_REGISTER, .alg = LK_TPM_SHA256, .index = i, .value = LK_BYTES(r->pcrs[i])};
    struct lk_proofs proofs = {r->proofs, r->n_proofs};
    lk_result result = lk_family_ima.parse(&in, &item);
    if (lk_ok(result))
        result = lk_family_ima.authenticate(&in, item, &proofs, &how);
    if (lk_ok(result))
        result = lk_family_ima.read_vouched(&in, item, &proofs);
    if (lk_ok(result))
        result = lk_family_ima.claim(&in, item, r->values);
    return result.code;
}

static void expect(struct run *r, uint32_t from, enum lk_reason_code code)
{
    assert_string_equal(lk_reason(judge(r, from))->name, lk_reason(code)->name);
}

static const struct lk_value *value(const struct run *r, const char *name)
{
    for (size_t i = 0; i < lk_family_ima.n_claims; i++)
        if (strcmp(lk_family_ima.claims[i].name, name) == 0)
            return &r->values[i];
    fail_msg("no claim %s", name);
    return NULL;
}

static const uint8_t file[32] = {7};

static void a_good_list_in_both_forms(void **state)
{
    (void)state;
    for (int ascii = 0; ascii < 2; ascii++) {
        struct run r;
        open_list(&r, ascii != 0, HASHED);
        expect(&r, 0, LK_R_OK);
        assert_true(value(&r, "boot-aggregate")->flag);
        assert_int_equal(value(&r, "entries")->number, 2);
        assert_int_equal(value(&r, "tail")->number, 0);
        assert_int_equal(value(&r, "violations")->number, 0);
        assert_false(value(&r, "padded-hashes")->flag);
        close_list(&r);
    }
}

static void the_tail_is_counted_and_not_judged(void **state)
{
    (void)state;
    struct run r;
    open_list(&r, false, HASHED);
    uint8_t quoted[32];
    memcpy(quoted, r.pcrs[10], 32);
    entry(&r, file, "/later", VIOLATION);
    entry(&r, file, "/later still", WRONG_HASH);
    memcpy(r.pcrs[10], quoted, 32);
    expect(&r, 0, LK_R_OK);
    assert_int_equal(value(&r, "entries")->number, 2);
    assert_int_equal(value(&r, "tail")->number, 2);
    assert_int_equal(value(&r, "violations")->number, 0);
    lk_put_u8(&r.list, 1); /* cut short */
    expect(&r, 0, LK_R_OK);
    close_list(&r);
}

static void violations_are_counted(void **state)
{
    (void)state;
    struct run r;
    open_list(&r, true, HASHED);
    entry(&r, file, "/var/log/open", VIOLATION);
    expect(&r, 0, LK_R_OK);
    assert_int_equal(value(&r, "violations")->number, 1);
    close_list(&r);
}

static void padded_hashes_show(void **state)
{
    (void)state;
    struct run r;
    open_list(&r, false, PADDED);
    expect(&r, 0, LK_R_OK);
    assert_true(value(&r, "padded-hashes")->flag);
    close_list(&r);
}

static void without_pcr10_it_is_unanchored(void **state)
{
    (void)state;
    struct run r;
    open_list(&r, false, HASHED);
    expect(&r, PCRS, LK_R_UNANCHORED);
    close_list(&r);
}

static void a_list_that_does_not_give_pcr10(void **state)
{
    (void)state;
    struct run r;
    open_list(&r, false, HASHED);
    r.pcrs[10][0] ^= 1;
    expect(&r, 0, LK_R_IMA_REPLAY);
    close_list(&r);
    open_list(&r, false, HASHED);
    entry(&r, file, "/made/up", NOT_EXTENDED);
    entry(&r, file, "/real", HASHED);
    expect(&r, 0, LK_R_IMA_REPLAY);
    close_list(&r);
}

static void a_template_hash_of_other_data(void **state)
{
    (void)state;
    struct run r;
    open_list(&r, false, HASHED);
    entry(&r, file, "/usr/bin/x", WRONG_HASH);
    expect(&r, 0, LK_R_IMA_TEMPLATE_HASH);
    close_list(&r);
}

static void the_boot_aggregate_is_of_this_boot(void **state)
{
    (void)state;
    struct run r;
    open_list(&r, false, HASHED);
    r.pcrs[9][0] ^= 1;
    expect(&r, 0, LK_R_IMA_BOOT_AGGREGATE);
    r.pcrs[9][0] ^= 1;
    expect(&r, 1, LK_R_OK); /* PCR 0 was not quoted */
    assert_false(value(&r, "boot-aggregate")->flag);
    close_list(&r);
    memset(&r, 0, sizeof(r));
    r.list = lk_buf(4096);
    r.arena = lk_arena_new(1 << 20);
    entry(&r, file, "/usr/bin/x", HASHED);
    expect(&r, 0, LK_R_IMA_BOOT_AGGREGATE);
    close_list(&r);
}

static void expect_list(const char *text, size_t len, enum lk_reason_code code)
{
    struct lk_ima_list list;
    struct lk_ima_entry e;
    bool more = true;
    lk_result r = LK_OK;
    lk_ima_open(lk_bytes(text, len), &list);
    while (lk_ok(r) && more)
        r = lk_ima_next(&list, &e, &more);
    lk_ima_close(&list);
    assert_string_equal(lk_reason(r.code)->name, lk_reason(code)->name);
}

static void lists_that_are_none(void **state)
{
    (void)state;
#define HASH "0123456789012345678901234567890123456789"
    static const struct {
        const char *text;
        enum lk_reason_code code;
    } rows[] = {
        {"10 " HASH " ima-ng sha256:00 /a\n", LK_R_OK},
        {"10 " HASH " ima-sig sha256:00 /a", LK_R_OK}, /* no signature, no newline */
        {"10 " HASH " ima-sig sha256:00 /a \n", LK_R_OK},
        {"10 " HASH " ima-sigv2 verity:sha256:00 /a 0304\n", LK_R_OK},
        {"10 " HASH " ima-modsig sha256:00 /a 03 sha1:00 04\n", LK_R_OK},
        {"10 " HASH " ima " HASH " /a\n", LK_R_OK},
        {"10 " HASH " ima-new sha256:00 /a\n", LK_R_IMA_TEMPLATE},
        {"10 " HASH " ima-ng sha256:0 /a\n", LK_R_IMA_ENTRY},
        {"10 " HASH " ima-ng 00 /a\n", LK_R_IMA_ENTRY},
        {"10 " HASH " ima-ng sha256:00\n", LK_R_IMA_ENTRY},
        {"10 " HASH " ima-ng sha256:00 /a more\n", LK_R_IMA_ENTRY},
        {"10 " HASH "00 ima-ng sha256:00 /a\n", LK_R_IMA_ENTRY},
        {"1x " HASH " ima-ng sha256:00 /a\n", LK_R_IMA_ENTRY},
        {"10 " HASH "\n", LK_R_IMA_ENTRY},
        {"100\n", LK_R_IMA_ENTRY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_list(rows[i].text, strlen(rows[i].text), rows[i].code);
    expect_list("", 0, LK_R_OK);
}

static void every_cut_of_a_binary_list_is_malformed(void **state)
{
    (void)state;
    struct run r;
    size_t good = 0;
    open_list(&r, false, HASHED);
    for (size_t n = 0; n < r.list.len; n++) {
        struct lk_ima_replay out;
        uint8_t last[LK_TPM_DIGEST_MAX];
        enum lk_reason_code code = lk_ima_replay(lk_bytes(r.list.data, n), lk_tpm_hash(LK_TPM_SHA256), LK_BYTES_NONE, &out, last).code;
        good += code == LK_R_OK;
        assert_true(code == LK_R_OK || code == LK_R_IMA_ENTRY);
    }
    assert_int_equal(good, 2); /* nothing at all, and after the first entry */
    close_list(&r);
}

/* Every member of an empty list is in every set: a kernel that measures nothing must not pass for one with good files. */
static void a_list_of_no_files_shows_none(void **state)
{
    (void)state;
    struct run r;
    uint8_t aggregate[LK_TPM_DIGEST_MAX];
    open_list(&r, false, HASHED);
    expect(&r, 0, LK_R_OK);
    assert_true(value(&r, "files")->present);
    r.list.len = 0;
    memset(r.pcrs[10], 0, 32);
    memset(r.values, 0, sizeof(r.values));
    digest(LK_TPM_SHA256, lk_bytes(r.pcrs, 320), LK_BYTES_NONE, aggregate);
    entry(&r, aggregate, "boot_aggregate", HASHED);
    expect(&r, 0, LK_R_OK);
    assert_false(value(&r, "files")->present);
    close_list(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_list_in_both_forms),
        cmocka_unit_test(the_tail_is_counted_and_not_judged),
        cmocka_unit_test(violations_are_counted),
        cmocka_unit_test(padded_hashes_show),
        cmocka_unit_test(without_pcr10_it_is_unanchored),
        cmocka_unit_test(a_list_that_does_not_give_pcr10),
        cmocka_unit_test(a_template_hash_of_other_data),
        cmocka_unit_test(the_boot_aggregate_is_of_this_boot),
        cmocka_unit_test(a_list_of_no_files_shows_none),
        cmocka_unit_test(lists_that_are_none),
        cmocka_unit_test(every_cut_of_a_binary_list_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
