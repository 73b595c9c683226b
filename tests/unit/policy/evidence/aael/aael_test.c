/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of an attestation agent, of both forms, against registers; each rule fails alone. */
#include "policy/evidence/aael/aael.h"
#include "policy/evidence/aael/image.h"
#include "proto/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COCO "github.com/confidential-containers PullImage "
#define DIGEST "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"
#define PULL COCO "{\"digest\":\"sha256:" DIGEST "\",\"image\":\"registry.example/app:1\"}"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

struct run {
    struct lk_arena *arena;
    struct lk_report report;
    struct lk_value values[LK_FAMILY_CLAIMS_MAX];
};

static int setup(void **state)
{
    struct run *r = calloc(1, sizeof(*r));
    r->arena = lk_arena_new(4 << 20);
    *state = r;
    return r->arena == NULL;
}

static int teardown(void **state)
{
    struct run *r = *state;
    lk_arena_free(r->arena);
    free(r);
    return 0;
}

static void extend(uint16_t alg, uint8_t value[static LK_TPM_DIGEST_MAX], struct lk_bytes data)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(alg);
    uint8_t digest[LK_TPM_DIGEST_MAX], next[LK_TPM_DIGEST_MAX];
    assert_true(lk_ok(lk_tpm_digest(hash, &data, 1, digest)));
    struct lk_bytes both[] = {lk_bytes(value, hash->size), lk_bytes(digest, hash->size)};
    assert_true(lk_ok(lk_tpm_digest(hash, both, 2, next)));
    memcpy(value, next, hash->size);
}

static lk_result run(struct run *r, struct lk_bytes log, bool ccel, const struct lk_proof *proofs, size_t n)
{
    const struct lk_family *f = &lk_family_aael;
    struct lk_bytes parts[] = {ccel ? LK_BYTES_NONE : log, ccel ? log : LK_BYTES_NONE};
    struct lk_family_input in = {.parts = parts, .arena = r->arena, .report = &r->report};
    struct lk_proofs given = {proofs, n};
    struct lk_anchoring how = {.by = NULL};
    struct lk_item *item;
    lk_arena_reset(r->arena);
    memset(&r->report, 0, sizeof(r->report));
    LK_TRY(f->parse(&in, &item));
    LK_TRY(f->authenticate(&in, item, &given, &how));
    LK_TRY(f->read_vouched(&in, item, &given));
    return f->claim(&in, item, r->values);
}

static struct lk_proof pcr(uint32_t index, const uint8_t value[static 32])
{
    return (struct lk_proof){.kind = LK_PROOF_REGISTER, .alg = LK_TPM_SHA256, .index = index, .value = lk_bytes(value, 32)};
}

/* The log against the one PCR that holds `value`. */
static lk_result raw(struct run *r, const char *log, uint32_t index, const uint8_t value[static 32])
{
    struct lk_proof p = pcr(index, value);
    return run(r, lk_bytes_str(log), false, &p, 1);
}

static const struct lk_value *claim_of(const struct run *r, const char *name)
{
    for (size_t i = 0; i < lk_family_aael.n_claims; i++)
        if (strcmp(lk_family_aael.claims[i].name, name) == 0)
            return &r->values[i];
    fail_msg("no claim %s", name);
    return NULL;
}

static void a_raw_log_gives_the_images(void **state)
{
    struct run *r = *state;
    uint8_t value[LK_TPM_DIGEST_MAX], other[32] = {9};
    memset(value, 0xff, 32);
    extend(LK_TPM_SHA256, value, lk_bytes_str("other.example start something with spaces"));
    extend(LK_TPM_SHA256, value, lk_bytes_str(PULL));
    const char *log = "INIT/sha256 " ONES "\nother.example start something with spaces\n" PULL "\n";
    struct lk_proof proofs[] = {pcr(4, other), pcr(17, value)};
    assert_int_equal(run(r, lk_bytes_str(log), false, proofs, 2).code, LK_R_OK);
    assert_int_equal(claim_of(r, "register")->number, 17);
    assert_int_equal(claim_of(r, "events")->number, 2);
    assert_int_equal(claim_of(r, "unknown-events")->number, 0);
    assert_true(claim_of(r, "complete")->flag);
    assert_false(claim_of(r, "resettable")->flag);
    const struct lk_value *images = claim_of(r, "images");
    uint8_t digest[32];
    memset(digest, 0x0c, 32);
    assert_int_equal(images->list.n, 1);
    assert_true(lk_bytes_eq(images->list.m[0].name, lk_bytes_str("registry.example/app:1")));
    assert_int_equal(images->list.m[0].alg, LK_TPM_SHA256);
    assert_true(lk_bytes_eq(images->list.m[0].digest, LK_BYTES(digest)));
}

static void registers_that_count_for_less(void **state)
{
    struct run *r = *state;
    uint8_t value[LK_TPM_DIGEST_MAX] = {0};
    extend(LK_TPM_SHA256, value, lk_bytes_str(PULL));
    assert_int_equal(raw(r, "INIT/sha256 " ZEROS "\n" PULL "\n", 23, value).code, LK_R_OK);
    assert_true(claim_of(r, "resettable")->flag);
    assert_true(claim_of(r, "complete")->flag);
    assert_int_equal(raw(r, "INIT/sha256 " ZEROS "\n" PULL "\n", 16, value).code, LK_R_OK);
    assert_true(claim_of(r, "resettable")->flag);
    /* PCR 17 begins with ones: something was extended, or it was reset, before this log began. */
    assert_int_equal(raw(r, "INIT/sha256 " ZEROS "\n" PULL "\n", 17, value).code, LK_R_OK);
    assert_false(claim_of(r, "complete")->flag);
    uint8_t before[LK_TPM_DIGEST_MAX] = {7};
    char hex[65], log[512];
    lk_hex(lk_bytes(before, 32), hex, sizeof(hex));
    snprintf(log, sizeof(log), "INIT/sha256 %s\n" PULL "\n", hex);
    extend(LK_TPM_SHA256, before, lk_bytes_str(PULL));
    assert_int_equal(raw(r, log, 8, before).code, LK_R_OK);
    assert_false(claim_of(r, "complete")->flag);
}

static void a_log_of_another_register(void **state)
{
    struct run *r = *state;
    uint8_t value[LK_TPM_DIGEST_MAX] = {0}, other[32] = {1};
    const char *log = "INIT/sha256 " ZEROS "\n" PULL "\n";
    extend(LK_TPM_SHA256, value, lk_bytes_str(PULL));
    assert_int_equal(raw(r, log, 8, other).code, LK_R_AAEL_REPLAY);
    assert_int_equal(r->report.findings[0].code, LK_R_AAEL_REPLAY);
    struct lk_proof p = pcr(8, value);
    p.alg = LK_TPM_SHA384;
    assert_int_equal(run(r, lk_bytes_str(log), false, &p, 1).code, LK_R_AAEL_REPLAY);
    p = pcr(8, value);
    p.kind = LK_PROOF_RTMR;
    assert_int_equal(run(r, lk_bytes_str(log), false, &p, 1).code, LK_R_UNANCHORED);
}

static void what_is_no_raw_log(void **state)
{
    struct run *r = *state;
    static const char *const bad[] = {
        "", "\n", "INIT/sha256 " ZEROS, "INIT/sha257 " ZEROS "\n", "INIT/sha256 00\n", "INIT/sha384 " ZEROS "\n", "init/sha256 " ZEROS "\n",
        "INIT/sha256 " ZEROS "\na b\n", "INIT/sha256 " ZEROS "\na b \n", "INIT/sha256 " ZEROS "\na  c\n",
        "INIT/sha256 " ZEROS "\na b c", "INIT/sha256 " ZEROS "\na b c\r\n", "INIT/sha256 " ZEROS "\na b \x01\n", "INIT/sha256 " ZEROS "\n\n",
        "INIT/averylongalgorithm " ZEROS "\n",
    };
    uint8_t value[32] = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (raw(r, bad[i], 8, value).code != LK_R_AAEL_LOG)
            fail_msg("row %zu: %s", i, bad[i]);
}

static void events_have_a_limit(void **state)
{
    struct run *r = *state;
    LK_BUF_AUTO log = lk_buf(1 << 20);
    uint8_t value[LK_TPM_DIGEST_MAX] = {0};
    lk_put_fmt(&log, "INIT/sha256 " ZEROS "\n");
    for (size_t i = 0; i < LK_AAEL_EVENTS_MAX; i++) {
        lk_put_fmt(&log, "a b c\n");
        extend(LK_TPM_SHA256, value, lk_bytes_str("a b c"));
    }
    struct lk_proof p = pcr(8, value);
    assert_int_equal(run(r, lk_buf_bytes(&log), false, &p, 1).code, LK_R_OK);
    lk_put_fmt(&log, "a b c\n");
    assert_int_equal(run(r, lk_buf_bytes(&log), false, &p, 1).code, LK_R_AAEL_LOG);
}

static void images_that_cannot_be_told(void **state)
{
    struct run *r = *state;
    static const char *const bad[] = {
        "{}", "x", "{\"image\":\"a\"}", "{\"digest\":\"sha256:" DIGEST "\"}", "{\"image\":\"\",\"digest\":\"sha256:" DIGEST "\"}",
        "{\"image\":\"a\",\"digest\":\"sha256:00\"}", "{\"image\":\"a\",\"digest\":\"md5:" DIGEST "\"}",
        "{\"image\":\"a\",\"digest\":\"" DIGEST "\"}", "{\"image\":\"a\",\"digest\":\"sha256:" DIGEST "\"}x",
        "{\"image\":\"a\",\"image\":\"b\",\"digest\":\"sha256:" DIGEST "\"}", "{\"image\":7,\"digest\":\"sha256:" DIGEST "\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char line[512], log[768];
        uint8_t value[LK_TPM_DIGEST_MAX] = {0};
        snprintf(line, sizeof(line), COCO "%s", bad[i]);
        snprintf(log, sizeof(log), "INIT/sha256 " ZEROS "\n%s\n", line);
        extend(LK_TPM_SHA256, value, lk_bytes_str(line));
        if (raw(r, log, 8, value).code != LK_R_AAEL_IMAGE)
            fail_msg("row %zu: %s", i, bad[i]);
    }
}

/* --- events of a confidential computing log */

static void put_spec_id(struct lk_buf *log)
{
    static const uint8_t zero[20];
    lk_put_u32le(log, 1);
    lk_put_u32le(log, LK_TCG_NO_ACTION);
    lk_put(log, LK_BYTES(zero));
    lk_put_u32le(log, 33);
    lk_put(log, lk_bytes("Spec ID Event03", 16));
    lk_put_u32le(log, 0);
    lk_put(log, lk_bytes("\0\2\0\2", 4));
    lk_put_u32le(log, 1);
    lk_put_u16le(log, LK_TPM_SHA384);
    lk_put_u16le(log, 48);
    lk_put_u8(log, 0);
}

static void put_event(struct lk_buf *log, uint32_t index, uint32_t type, struct lk_bytes hashed, struct lk_bytes data)
{
    uint8_t digest[LK_TPM_DIGEST_MAX];
    assert_true(lk_ok(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA384), &hashed, 1, digest)));
    lk_put_u32le(log, index);
    lk_put_u32le(log, type);
    lk_put_u32le(log, 1);
    lk_put_u16le(log, LK_TPM_SHA384);
    lk_put(log, lk_bytes(digest, 48));
    lk_put_sized_u32le(log, data);
}

static void put_tagged(struct lk_buf *out, const char *tag, const char *text)
{
    lk_put(out, lk_bytes(tag, 4));
    lk_put_sized_u32le(out, lk_bytes_str(text));
}

static lk_result ccel(struct run *r, struct lk_buf *log, const uint8_t rtmr3[static 48], uint32_t index)
{
    static const uint8_t zero[48];
    struct lk_proof proofs[] = {
        {.kind = LK_PROOF_RTMR, .alg = LK_TPM_SHA384, .index = 0, .value = LK_BYTES(zero)},
        {.kind = LK_PROOF_RTMR, .alg = LK_TPM_SHA384, .index = index, .value = lk_bytes(rtmr3, 48)},
    };
    return run(r, lk_buf_bytes(log), true, proofs, 2);
}

static void a_td_log_gives_the_images(void **state)
{
    struct run *r = *state;
    LK_BUF_AUTO log = lk_buf(1 << 16);
    LK_BUF_AUTO data = lk_buf(1 << 10);
    uint8_t value[LK_TPM_DIGEST_MAX] = {0};
    put_spec_id(&log);
    put_tagged(&data, "LEAA", PULL);
    put_event(&log, 3, LK_TCG_EVENT_TAG, lk_bytes_str("other"), lk_bytes_str("other")); /* RTMR2: not ours */
    put_event(&log, 4, LK_TCG_NO_ACTION, lk_bytes_str("x"), lk_bytes_str("x"));
    put_event(&log, 4, LK_TCG_EVENT_TAG, lk_buf_bytes(&data), lk_buf_bytes(&data));
    extend(LK_TPM_SHA384, value, lk_buf_bytes(&data));
    assert_int_equal(ccel(r, &log, value, 3).code, LK_R_OK);
    assert_int_equal(claim_of(r, "images")->list.n, 1);
    assert_int_equal(claim_of(r, "register")->number, 3);
    assert_int_equal(claim_of(r, "unknown-events")->number, 0);
    assert_true(claim_of(r, "complete")->flag);
    assert_int_equal(ccel(r, &log, value, 2).code, LK_R_AAEL_REPLAY);
    value[0] ^= 1;
    assert_int_equal(ccel(r, &log, value, 3).code, LK_R_AAEL_REPLAY);
}

static void extends_that_say_nothing_are_counted(void **state)
{
    struct run *r = *state;
    static const struct {
        const char *tag, *text, *hashed; /* hashed: NULL: the data */
        uint32_t type;
    } rows[] = {
        {"LEAX", PULL, NULL, LK_TCG_EVENT_TAG},
        {"LEAA", PULL, NULL, LK_TCG_IPL},
        {"LEAA", PULL, "another image", LK_TCG_EVENT_TAG},
        {"LEAA", "no event", NULL, LK_TCG_EVENT_TAG},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        LK_BUF_AUTO log = lk_buf(1 << 16);
        LK_BUF_AUTO data = lk_buf(1 << 10);
        uint8_t value[LK_TPM_DIGEST_MAX] = {0};
        put_spec_id(&log);
        put_tagged(&data, rows[i].tag, rows[i].text);
        struct lk_bytes hashed = rows[i].hashed == NULL ? lk_buf_bytes(&data) : lk_bytes_str(rows[i].hashed);
        put_event(&log, 4, rows[i].type, hashed, lk_buf_bytes(&data));
        extend(LK_TPM_SHA384, value, hashed);
        assert_int_equal(ccel(r, &log, value, 3).code, LK_R_OK);
        assert_int_equal(claim_of(r, "unknown-events")->number, 1);
        assert_int_equal(claim_of(r, "images")->list.n, 0);
    }
}

static void one_log_and_no_other(void **state)
{
    struct run *r = *state;
    struct lk_bytes parts[2] = {LK_BYTES_NONE, LK_BYTES_NONE};
    struct lk_family_input in = {.parts = parts, .arena = r->arena, .report = &r->report};
    struct lk_item *item;
    assert_int_equal(lk_family_aael.parse(&in, &item).code, LK_R_CHAIN_MISSING_PART);
    parts[0] = parts[1] = lk_bytes_str("x");
    assert_int_equal(lk_family_aael.parse(&in, &item).code, LK_R_CHAIN_DUPLICATE_ITEM);
    LK_BUF_AUTO log = lk_buf(64);
    uint8_t value[48] = {0};
    lk_put_fmt(&log, "no log at all");
    assert_int_equal(ccel(r, &log, value, 3).code, LK_R_EVENTLOG_HEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raw_log_gives_the_images), cmocka_unit_test(registers_that_count_for_less),
        cmocka_unit_test(a_log_of_another_register), cmocka_unit_test(what_is_no_raw_log),
        cmocka_unit_test(events_have_a_limit), cmocka_unit_test(images_that_cannot_be_told),
        cmocka_unit_test(a_td_log_gives_the_images), cmocka_unit_test(extends_that_say_nothing_are_counted),
        cmocka_unit_test(one_log_and_no_other),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
