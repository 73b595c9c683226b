/* SPDX-License-Identifier: Apache-2.0 */
/* policy/verifier: what is said before any evidence is looked at, each rule alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "policy/verifier/request.h"
#include "policy/verifier/warm.h"

#include "latchkey.pb-c.h"

#define NOW_MS 1000u
#define AT 1700000000

static struct lk_judge_with with;
static struct lk_arena *arena;
static struct lk_verdict verdict; /* large */
static const uint8_t challenge_key[32] = {1};

static int set_up(void **state)
{
    (void)state;
    static struct lk_snapshot snapshot;
    struct lk_snapshot_head head = {.generation = 4, .start_id = {2}, .admission_key = {3}, .broker_id = {4}};
    uint8_t digest[32];
    uint64_t length;
    char why[480];
    int fd;
    bool fine = lk_ok(lk_verifier_warm()) && lk_ok(lk_snapshot_write(&head, NULL, 0, &fd, &length, digest)) &&
                lk_ok(lk_snapshot_map(fd, &snapshot)) && lk_ok(lk_judge_with_load(&snapshot, &with, why, sizeof(why)));
    close(fd);
    arena = lk_arena_new(LK_VERIFIER_ARENA);
    return fine && arena != NULL ? 0 : -1;
}

static void put_request(struct lk_buf *out, uint64_t deadline, uint32_t roles, struct lk_bytes message)
{
    lk_msg_request_put(out, &(struct lk_msg_request){.deadline_mono_ms = deadline, .roles = roles, .message = message});
}

/* ---- challenges ---- */

static enum lk_reason_code challenge(const Latchkey__V1__ChallengeRequest *m, uint64_t deadline, struct lk_challenge_frame *c)
{
    uint8_t packed[4096];
    size_t n = latchkey__v1__challenge_request__pack(m, packed);
    LK_BUF_AUTO p = lk_buf(8192);
    put_request(&p, deadline, 0, lk_bytes(packed, n));
    lk_arena_reset(arena);
    assert_int_equal(lk_verifier_challenge(&with, arena, lk_buf_bytes(&p), NOW_MS, c).code, LK_R_OK);
    return c->failed;
}

static void plain_challenge(void **state)
{
    (void)state;
    char *names[] = {(char *)(uintptr_t)"tenant/disk"};
    Latchkey__V1__ChallengeRequest m = LATCHKEY__V1__CHALLENGE_REQUEST__INIT;
    struct lk_challenge_frame c;
    m.n_secrets = 1;
    m.secrets = names;
    assert_int_equal(challenge(&m, NOW_MS + 1, &c), LK_R_OK);
    assert_false(c.activated);
    assert_int_equal(c.generation, 4);
    assert_true(c.evidence_request.len > 0);
    assert_int_equal(challenge(&m, NOW_MS, &c), LK_R_DEADLINE);
    assert_int_equal(c.evidence_request.len, 0);
    m.n_secrets = 0;
    assert_int_equal(challenge(&m, NOW_MS + 1, &c), LK_R_REQUEST_LIMIT);
    m.n_secrets = 1;
    names[0] = (char *)(uintptr_t)"/tenant";
    assert_int_equal(challenge(&m, NOW_MS + 1, &c), LK_R_SECRET_NAME);
    names[0] = (char *)(uintptr_t)"tenant";
    m.ek_public = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t)"abc"};
    assert_int_equal(challenge(&m, NOW_MS + 1, &c), LK_R_REQUEST_MALFORMED); /* an EK without an AK */
    m.ak_public = m.ek_public;
    assert_int_equal(challenge(&m, NOW_MS + 1, &c), LK_R_TPM_PUBLIC);
}

/* ---- releases ---- */

struct request {
    Latchkey__V1__ReleaseRequest m;
    Latchkey__V1__Statement st;
    Latchkey__V1__SecretRef ref, *refs[1];
    struct lk_ticket_fields fields;
    struct lk_ticket ticket;
    uint8_t broker_id[32], spki[44], statement[1024];
    uint64_t deadline;
    uint32_t roles;
};

static const uint8_t x25519_head[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00}; /* RFC 8410 */

static void good(struct request *q)
{
    static const uint8_t empty_hash[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                           0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    *q = (struct request){.m = LATCHKEY__V1__RELEASE_REQUEST__INIT, .st = LATCHKEY__V1__STATEMENT__INIT,
                          .ref = LATCHKEY__V1__SECRET_REF__INIT, .broker_id = {4}, .deadline = NOW_MS + 1};
    q->fields = (struct lk_ticket_fields){.start_id = {2}, .expiry = AT + 60, .generation = 4};
    memcpy(q->fields.s_hash, empty_hash, 32);
    memcpy(q->spki, x25519_head, sizeof(x25519_head));
    q->spki[12] = 9; /* the base point */
    q->ref.name = (char *)(uintptr_t)"tenant/disk";
    q->refs[0] = &q->ref;
    q->st.purpose = LATCHKEY__V1__STATEMENT__PURPOSE__RELEASE;
    q->st.broker_id = (ProtobufCBinaryData){32, q->broker_id};
    q->st.recipient_key = (ProtobufCBinaryData){sizeof(q->spki), q->spki};
    q->st.suite = (char *)(uintptr_t)"hpke-x25519-sha256-aes256gcm";
    q->st.n_secrets = 1;
    q->st.secrets = q->refs;
}

/* The first finding's code; the verdict's kind must be MALFORMED, for nothing was judged. */
static enum lk_reason_code judge(struct request *q, bool forge)
{
    uint8_t packed[4096];
    assert_int_equal(lk_ticket_mint(&q->fields, challenge_key, with.snapshot.head.admission_key, &q->ticket).code, LK_R_OK);
    q->ticket.bytes[170] ^= forge ? 1 : 0;
    q->m.ticket = (ProtobufCBinaryData){LK_TICKET_LEN, q->ticket.bytes};
    q->m.statement = (ProtobufCBinaryData){latchkey__v1__statement__pack(&q->st, q->statement), q->statement};
    size_t n = latchkey__v1__release_request__pack(&q->m, packed);
    LK_BUF_AUTO p = lk_buf(8192);
    put_request(&p, q->deadline, q->roles, lk_bytes(packed, n));
    lk_arena_reset(arena);
    assert_int_equal(lk_verifier_judge(&with, arena, false, lk_buf_bytes(&p), AT, NOW_MS, &verdict).code, LK_R_OK);
    assert_true(verdict.report.n > 0);
    return lk_report_first(&verdict.report)->code;
}

static void each_rule_before_the_evidence(void **state)
{
    (void)state;
    struct request q;
    good(&q);
    assert_int_equal(judge(&q, false), LK_R_CHAIN_NO_ITEMS); /* all else holds */
    assert_int_equal(verdict.kind, LK_VERDICT_RELEASE);
    assert_int_equal(judge(&q, true), LK_R_TICKET_FORGED);
    assert_int_equal(verdict.kind, LK_VERDICT_MALFORMED);
    q.deadline = NOW_MS;
    assert_int_equal(judge(&q, false), LK_R_DEADLINE);
    good(&q);
    q.fields.expiry = AT;
    assert_int_equal(judge(&q, false), LK_R_TICKET_EXPIRED);
    good(&q);
    q.fields.start_id[0] = 9;
    assert_int_equal(judge(&q, false), LK_R_TICKET_STALE);
    good(&q);
    q.fields.s_hash[0] ^= 1;
    assert_int_equal(judge(&q, false), LK_R_TICKET_ACTIVATION);
    good(&q);
    q.broker_id[0] = 5;
    assert_int_equal(judge(&q, false), LK_R_STATEMENT_BROKER);
    good(&q);
    q.st.purpose = LATCHKEY__V1__STATEMENT__PURPOSE__APPRAISE;
    assert_int_equal(judge(&q, false), LK_R_STATEMENT_PURPOSE);
    good(&q);
    q.st.n_secrets = 0;
    assert_int_equal(judge(&q, false), LK_R_REQUEST_LIMIT);
    good(&q);
    q.ref.name = (char *)(uintptr_t)"a//b";
    assert_int_equal(judge(&q, false), LK_R_SECRET_NAME);
    good(&q);
    q.st.suite = (char *)(uintptr_t)"rot13";
    assert_int_equal(judge(&q, false), LK_R_RECIPIENT_SUITE);
    good(&q);
    q.spki[12] = 0; /* a point of small order */
    assert_int_equal(judge(&q, false), LK_R_RECIPIENT_KEY);
}

static void making_is_asked_for_in_the_statement(void **state)
{
    (void)state;
    struct request q;
    good(&q);
    assert_int_equal(judge(&q, false), LK_R_CHAIN_NO_ITEMS);
    assert_false(verdict.secrets[0].create);
    q.ref.create = true;
    assert_int_equal(judge(&q, false), LK_R_CHAIN_NO_ITEMS);
    assert_true(verdict.secrets[0].create);
    q.ref.version = 1; /* what is made is the first version, and who names one expects it to be there */
    assert_int_equal(judge(&q, false), LK_R_REQUEST_MALFORMED);
}

/* A guest can make a value read "absent"; only what is absent makes a request stale. */
static void absence_is_no_word(void **state)
{
    (void)state;
    static struct lk_report r;
    assert_false(lk_verifier_only_absent(&r));
    (void)lk_report_add_absent(&r, LK_R_CHAIN_MISSING_ITEM, "tpm", "prod/a/tpm", "tpm");
    assert_string_equal(r.findings[0].actual, "absent");
    assert_true(lk_verifier_only_absent(&r));
    (void)lk_report_add(&r, LK_R_CHAIN_PARENT_REFUSED, "", "prod", "", "");
    assert_true(lk_verifier_only_absent(&r));
    (void)lk_report_add(&r, LK_R_REFERENCE_MISMATCH, "tpm", "prod/a/tpm.pcrs", "00", "absent");
    assert_false(lk_verifier_only_absent(&r));
    r = (struct lk_report){0};
    (void)lk_report_add_absent(&r, LK_R_CHAIN_MISSING_PART, "tpm", "attest", "attest"); /* malformed is not refused */
    assert_false(lk_verifier_only_absent(&r));
}

static void parts_are_those_of_the_family_once_each(void **state)
{
    (void)state;
    struct request q;
    Latchkey__V1__EvidenceItem item = LATCHKEY__V1__EVIDENCE_ITEM__INIT, *items[] = {&item};
    Latchkey__V1__EvidencePart a = LATCHKEY__V1__EVIDENCE_PART__INIT, b = a, *parts[] = {&a, &b};
    good(&q);
    item.family = (char *)(uintptr_t)"sev-snp";
    a.name = (char *)(uintptr_t)"report";
    b.name = (char *)(uintptr_t)"rapport";
    item.n_parts = 2;
    item.parts = parts;
    q.m.n_items = 1;
    q.m.items = items;
    assert_int_equal(judge(&q, false), LK_R_CHAIN_UNKNOWN_PART);
    b.name = a.name;
    assert_int_equal(judge(&q, false), LK_R_CHAIN_DUPLICATE_PART);
    item.family = (char *)(uintptr_t)"paper";
    assert_int_equal(judge(&q, false), LK_R_CHAIN_UNKNOWN_FAMILY);
}

static void appraise_is_for_named_callers(void **state)
{
    (void)state;
    LK_BUF_AUTO p = lk_buf(8192);
    put_request(&p, NOW_MS + 1, 0, lk_bytes("", 0));
    assert_int_equal(lk_verifier_judge(&with, arena, true, lk_buf_bytes(&p), AT, NOW_MS, &verdict).code, LK_R_OK);
    assert_int_equal(lk_report_first(&verdict.report)->code, LK_R_CALLER_NOT_NAMED);
}

static void a_front_that_breaks_the_form_is_told_apart(void **state)
{
    (void)state;
    struct lk_challenge_frame c;
    assert_int_equal(lk_verifier_judge(&with, arena, false, lk_bytes("short", 5), AT, NOW_MS, &verdict).code, LK_R_FRAME_FORBIDDEN);
    assert_int_equal(lk_verifier_challenge(&with, arena, lk_bytes("short", 5), NOW_MS, &c).code, LK_R_FRAME_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_challenge),
        cmocka_unit_test(each_rule_before_the_evidence),
        cmocka_unit_test(making_is_asked_for_in_the_statement),
        cmocka_unit_test(absence_is_no_word),
        cmocka_unit_test(parts_are_those_of_the_family_once_each),
        cmocka_unit_test(appraise_is_for_named_callers),
        cmocka_unit_test(a_front_that_breaks_the_form_is_told_apart),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
