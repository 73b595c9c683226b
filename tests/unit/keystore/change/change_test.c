/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/change: records and their chain, the fold, what an envelope must fulfil (each rule alone). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <string.h>

#include "keystore/change/check.h"
#include "keystore/change/payload.h"
#include "policy.pb-c.h"
#include "proto/seal/hash.h"

#define CODE(r) ((int)(r).code)
#define TEXT(s) lk_bytes_str(s)
#define NOW 1000000
#define ok(r) assert_int_equal(CODE(r), LK_R_OK)

static EVP_PKEY *admin_key, *stranger_key;
static uint8_t installation[32] = {9};

/* PROTOCOL.sshsig: strings are u32be-sized. */
static void put_string(struct lk_buf *b, struct lk_bytes v)
{
    lk_put_u32be(b, (uint32_t)v.len);
    lk_put(b, v);
}

static void wire_key(EVP_PKEY *key, struct lk_buf *out)
{
    uint8_t raw[32];
    size_t n = sizeof(raw);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
    put_string(out, TEXT("ssh-ed25519"));
    put_string(out, LK_BYTES(raw));
}

static void sshsig(EVP_PKEY *key, struct lk_bytes message, struct lk_buf *out)
{
    uint8_t digest[64], raw[64];
    size_t n = sizeof(raw);
    LK_BUF_AUTO blob = lk_buf(512);
    LK_BUF_AUTO public = lk_buf(128);
    LK_BUF_AUTO signature = lk_buf(128);
    ok(lk_sha512(LK_PARTS(message), digest));
    lk_put(&blob, TEXT("SSHSIG"));
    put_string(&blob, TEXT(LK_SSHSIG_NAMESPACE));
    put_string(&blob, TEXT(""));
    put_string(&blob, TEXT("sha512"));
    put_string(&blob, LK_BYTES(digest));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(md, raw, &n, blob.data, blob.len), 1);
    EVP_MD_CTX_free(md);
    wire_key(key, &public);
    put_string(&signature, TEXT("ssh-ed25519"));
    put_string(&signature, LK_BYTES(raw));
    lk_put(out, TEXT("SSHSIG"));
    lk_put_u32be(out, 1);
    put_string(out, lk_buf_bytes(&public));
    put_string(out, TEXT(LK_SSHSIG_NAMESPACE));
    put_string(out, TEXT(""));
    put_string(out, TEXT("sha512"));
    put_string(out, lk_buf_bytes(&signature));
}

struct fixture {
    struct lk_state *state;
    struct lk_envelope e;
    struct lk_bytes payloads[4];
    struct lk_buf packed[4];
    uint8_t digests[4][32], nonce[32];
    EVP_PKEY *signers[2];
    size_t n_signers;
    struct lk_buf raw;
};

static void genesis(struct lk_state *s)
{
    LK_BUF_AUTO key = lk_buf(128);
    LK_BUF_AUTO raw = lk_buf(1024);
    struct lk_genesis g = {.time = NOW, .installation_key = TEXT("ik"), .import_key = TEXT("mk"), .n_admins = 1};
    memcpy(g.installation_id, installation, 32);
    wire_key(admin_key, &key);
    g.admins[0].name = TEXT("alice");
    g.admins[0].ssh_key = lk_buf_bytes(&key);
    ok(lk_genesis_put(&raw, &g));
    ok(lk_state_genesis(s, lk_buf_bytes(&raw)));
}

static void begin(struct fixture *f)
{
    *f = (struct fixture){.state = lk_state_new(), .signers = {admin_key}, .n_signers = 1};
    genesis(f->state);
    f->nonce[0] = 1;
    f->e.installation_id = LK_BYTES(installation);
    f->e.not_after = NOW + 60;
    f->e.scope = TEXT("");
    f->raw = lk_buf(LK_ENVELOPE_MAX);
}

static void end(struct fixture *f)
{
    lk_state_free(f->state);
    lk_buf_free(&f->raw);
    for (size_t i = 0; i < 4; i++)
        lk_buf_free(&f->packed[i]);
}

static void add(struct fixture *f, enum lk_change_kind kind, const char *object, uint64_t revision,
                const ProtobufCMessage *m)
{
    size_t i = f->e.n_items++;
    f->packed[i] = lk_buf(4096);
    if (m != NULL)
        protobuf_c_message_pack(m, lk_put_room(&f->packed[i], protobuf_c_message_get_packed_size(m)));
    f->payloads[i] = m == NULL ? lk_bytes("", 0) : lk_buf_bytes(&f->packed[i]);
    ok(lk_sha256(LK_PARTS(f->payloads[i]), f->digests[i]));
    f->e.items[i] = (struct lk_envelope_item){kind, TEXT(object), revision, (uint32_t)f->payloads[i].len,
                                              LK_BYTES(f->digests[i])};
}

static void add_policy(struct fixture *f, const char *name, const char *pattern, uint64_t revision)
{
    Latchkey__V1__Policy p = LATCHKEY__V1__POLICY__INIT;
    char *releases[] = {(char *)(uintptr_t)pattern};
    p.schema = 1;
    p.name = (char *)(uintptr_t)name;
    p.kek = (char *)(uintptr_t)"sealed";
    p.n_releases = 1;
    p.releases = releases;
    add(f, LK_CHANGE_POLICY_SET, name, revision, &p.base);
}

static int check(struct fixture *f, struct lk_change *c)
{
    LK_BUF_AUTO part = lk_buf(LK_ENVELOPE_MAX);
    struct lk_buf blobs[2] = {lk_buf(1024), lk_buf(1024)};
    struct lk_bytes runs[2];
    f->e.nonce = LK_BYTES(f->nonce);
    lk_envelope_put_signed(&part, &f->e);
    for (size_t i = 0; i < f->n_signers; i++) {
        sshsig(f->signers[i], lk_buf_bytes(&part), &blobs[i]);
        runs[i] = lk_buf_bytes(&blobs[i]);
    }
    lk_buf_free(&f->raw);
    f->raw = lk_buf(LK_ENVELOPE_MAX);
    lk_envelope_put(&f->raw, lk_buf_bytes(&part), runs, f->n_signers);
    ok(lk_buf_ok(&f->raw));
    lk_result r = lk_change_check(f->state, lk_buf_bytes(&f->raw), f->payloads, f->e.n_items, NOW, c);
    lk_buf_free(&blobs[0]);
    lk_buf_free(&blobs[1]);
    return CODE(r);
}

static lk_result apply(struct fixture *f)
{
    struct lk_change_record r = {.prev = LK_BYTES(lk_state_head(f->state)->hash), .time = NOW,
                                 .envelope = lk_buf_bytes(&f->raw), .n = f->e.n_items};
    LK_BUF_AUTO raw = lk_buf(64u << 10);
    for (size_t i = 0; i < r.n; i++) {
        bool secret = f->e.items[i].kind == LK_CHANGE_SECRET_PUT;
        r.items[i].note = secret ? LK_KEK_SEALED : 0;
        r.items[i].payload = secret ? lk_bytes("", 0) : f->payloads[i];
    }
    LK_TRY(lk_change_record_put(&raw, &r));
    return lk_state_apply(f->state, lk_buf_bytes(&raw));
}

static void next_change(struct fixture *f)
{
    for (size_t i = 0; i < 4; i++)
        lk_buf_free(&f->packed[i]);
    f->e.n_items = 0;
    f->nonce[0]++;
}

static void a_policy_is_set_found_replaced_and_deleted(void **state)
{
    struct fixture f;
    struct lk_change c;
    const struct lk_object *o;
    (void)state;
    begin(&f);
    add_policy(&f, "prod", "disk/*", 0);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_true(c.needs_generation && !c.revokes);
    assert_int_equal(c.revisions[0], 1);
    ok(apply(&f));
    assert_int_equal(lk_state_policies_for(f.state, TEXT("disk/1"), &o), 1);
    assert_int_equal(lk_state_policies_for(f.state, TEXT("other/1"), &o), 0);
    next_change(&f);
    add(&f, LK_CHANGE_POLICY_DELETE, "prod", 1, NULL);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_true(c.revokes);
    ok(apply(&f));
    assert_null(lk_state_find(f.state, LK_OBJECT_POLICY, TEXT("prod")));
    next_change(&f);
    add_policy(&f, "prod", "disk/*", 0);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_int_equal(c.revisions[0], 2); /* a revision is never used twice */
    ok(apply(&f));
    assert_int_equal(lk_state_find(f.state, LK_OBJECT_POLICY, TEXT("prod"))->revision, 2);
    assert_int_equal(lk_state_head(f.state)->index, 4);
    end(&f);
}

static void two_policies_over_one_name_cover_it_twice(void **state)
{
    struct fixture f;
    struct lk_change c;
    const struct lk_object *o;
    (void)state;
    begin(&f);
    add_policy(&f, "a", "disk/*", 0);
    add_policy(&f, "b", "disk/1", 0);
    assert_int_equal(check(&f, &c), LK_R_OK); /* a verifier refuses to load this; the keeper releases nothing by it */
    ok(apply(&f));
    assert_int_equal(lk_state_policies_for(f.state, TEXT("disk/1"), &o), 2);
    end(&f);
}

/* Each case breaks one rule of a change that is otherwise fine. */
static void an_envelope_of_another_installation(struct fixture *f)
{
    static const uint8_t other[32] = {8};
    f->e.installation_id = LK_BYTES(other);
}
static void an_expired_envelope(struct fixture *f) { f->e.not_after = NOW - 1; }
static void a_strangers_envelope(struct fixture *f) { f->signers[0] = stranger_key; }
static void an_admins_and_a_strangers(struct fixture *f) { f->signers[1] = stranger_key; f->n_signers = 2; }
static void a_wrong_revision(struct fixture *f) { f->e.items[0].revision = 1; }
static void a_payload_of_another_digest(struct fixture *f) { f->digests[0][0] ^= 1; }
static void a_payload_of_another_name(struct fixture *f) { f->e.items[0].object = TEXT("other"); }
static void a_name_that_may_not_be(struct fixture *f) { f->e.items[0].object = TEXT("a//b"); }
static void the_same_object_twice(struct fixture *f) { add_policy(f, "prod", "x/*", 0); }
static void a_policy_in_a_tenants_scope(struct fixture *f) { f->e.scope = TEXT("tenant-a"); }
static void a_query_kind_in_a_change(struct fixture *f) { f->e.items[0].kind = LK_QUERY_LIST; }

static void each_rule_of_an_envelope_alone(void **state)
{
    static const struct {
        void (*break_it)(struct fixture *f);
        enum lk_reason_code code;
    } cases[] = {
        {an_envelope_of_another_installation, LK_R_CHANGE_INSTALLATION},
        {an_expired_envelope, LK_R_CHANGE_EXPIRED},
        {a_strangers_envelope, LK_R_CHANGE_SIGNER},
        {an_admins_and_a_strangers, LK_R_CHANGE_SIGNER},
        {a_wrong_revision, LK_R_CHANGE_CONFLICT},
        {a_payload_of_another_digest, LK_R_CHANGE_PAYLOAD},
        {a_payload_of_another_name, LK_R_CHANGE_PAYLOAD},
        {a_name_that_may_not_be, LK_R_SECRET_NAME},
        {the_same_object_twice, LK_R_CHANGE_MALFORMED},
        {a_policy_in_a_tenants_scope, LK_R_CHANGE_MALFORMED},
        {a_query_kind_in_a_change, LK_R_CHANGE_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct lk_change c;
        begin(&f);
        add_policy(&f, "prod", "disk/*", 0);
        cases[i].break_it(&f);
        assert_int_equal(check(&f, &c), cases[i].code);
        end(&f);
    }
}

static void an_envelope_is_applied_once(void **state)
{
    struct fixture f;
    struct lk_change c;
    (void)state;
    begin(&f);
    add_policy(&f, "prod", "disk/*", 0);
    assert_int_equal(check(&f, &c), LK_R_OK);
    ok(apply(&f));
    assert_int_equal(check(&f, &c), LK_R_CHANGE_REPLAYED);
    end(&f);
}

static void the_last_administrator_stays(void **state)
{
    struct fixture f;
    struct lk_change c;
    (void)state;
    begin(&f);
    add(&f, LK_CHANGE_ADMIN_DELETE, "alice", 1, NULL);
    assert_int_equal(check(&f, &c), LK_R_CHANGE_LAST_ADMIN);
    end(&f);
}

static void add_admin(struct fixture *f, struct lk_bytes key)
{
    Latchkey__V1__AdminKey k = LATCHKEY__V1__ADMIN_KEY__INIT;
    k.schema = 1;
    k.name = (char *)(uintptr_t)"bob";
    k.ssh_key = (ProtobufCBinaryData){key.len, (uint8_t *)(uintptr_t)key.data};
    add(f, LK_CHANGE_ADMIN_SET, "bob", 0, &k.base);
}

static void an_administrator_has_a_key_that_can_sign(void **state)
{
    struct fixture f;
    struct lk_change c;
    LK_BUF_AUTO key = lk_buf(128);
    (void)state;
    wire_key(stranger_key, &key);
    begin(&f);
    add_admin(&f, lk_buf_bytes(&key));
    assert_int_equal(check(&f, &c), LK_R_OK);
    next_change(&f);
    add_admin(&f, lk_bytes(key.data, key.len - 1));
    assert_int_equal(check(&f, &c), LK_R_CHANGE_PAYLOAD);
    end(&f);
}

static void add_reference(struct fixture *f, uint64_t revision)
{
    Latchkey__V1__ReferenceRecord r = LATCHKEY__V1__REFERENCE_RECORD__INIT;
    r.schema = 1;
    r.id = (char *)(uintptr_t)"fw-1";
    r.state = LATCHKEY__V1__REFERENCE_RECORD__STATE__STAGED;
    add(f, LK_CHANGE_REFERENCE_SET, "fw-1", revision, &r.base);
}

static void a_record_that_replaces_another_revokes(void **state)
{
    struct fixture f;
    struct lk_change c;
    (void)state;
    begin(&f);
    add_reference(&f, 0);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_true(c.needs_generation && !c.revokes);
    ok(apply(&f));
    next_change(&f);
    add_reference(&f, 1);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_true(c.revokes);
    end(&f);
}

static void add_set(struct fixture *f, const char *object, uint64_t revision, uint32_t schema)
{
    static uint8_t members[32] = {1};
    Latchkey__V1__ReferenceSet s = LATCHKEY__V1__REFERENCE_SET__INIT;
    s.schema = schema;
    s.name = (char *)(uintptr_t)"files";
    s.version = (char *)(uintptr_t)"0011223344556677";
    s.part = s.parts = 1;
    s.members = (ProtobufCBinaryData){sizeof(members), members};
    add(f, LK_CHANGE_SET_PUT, object, revision, &s.base);
}

static void a_part_of_a_set_has_its_own_name(void **state)
{
    static const struct {
        const char *object;
        uint32_t schema;
        enum lk_reason_code code;
    } rows[] = {
        {"files/0011223344556677/1", 1, LK_R_OK},
        {"files/0011223344556677/1", 2, LK_R_CHANGE_PAYLOAD},
        {"files/0011223344556677/2", 1, LK_R_CHANGE_PAYLOAD},
        {"files/0011223344556678/1", 1, LK_R_CHANGE_PAYLOAD},
        {"other/0011223344556677/1", 1, LK_R_CHANGE_PAYLOAD},
        {"files", 1, LK_R_CHANGE_PAYLOAD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        struct lk_change c;
        begin(&f);
        add_set(&f, rows[i].object, 0, rows[i].schema);
        assert_int_equal(check(&f, &c), rows[i].code);
        end(&f);
    }
}

static void collateral_can_only_be_dropped(void **state)
{
    struct fixture f;
    struct lk_change c;
    (void)state;
    begin(&f);
    add(&f, LK_CHANGE_COLLATERAL_DROP, "tdx/qe-identity", 0, NULL);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_true(c.drops && !c.needs_generation && !c.revokes);
    ok(apply(&f));
    assert_int_equal(lk_state_count(f.state, LK_OBJECT_COLLATERAL), 0);
    next_change(&f);
    add(&f, LK_CHANGE_COLLATERAL_DROP, "tdx/qe-identity", 0, NULL); /* a second time, after an upload */
    assert_int_equal(check(&f, &c), LK_R_OK);
    ok(apply(&f));
    next_change(&f);
    add(&f, LK_CHANGE_COLLATERAL_DROP, "tdx/qe-identity", 1, NULL);
    assert_int_equal(check(&f, &c), LK_R_CHANGE_CONFLICT);
    end(&f);
}

static void a_set_loads_and_its_end_revokes(void **state)
{
    struct fixture f;
    struct lk_change c;
    (void)state;
    begin(&f);
    add_set(&f, "files/0011223344556677/1", 0, 1);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_true(c.needs_generation && !c.revokes);
    ok(apply(&f));
    assert_int_equal(lk_state_count(f.state, LK_OBJECT_SET), 1);
    next_change(&f);
    add(&f, LK_CHANGE_SET_DELETE, "files/0011223344556677/1", 1, NULL);
    assert_int_equal(check(&f, &c), LK_R_OK);
    assert_true(c.needs_generation && c.revokes);
    ok(apply(&f));
    assert_int_equal(lk_state_count(f.state, LK_OBJECT_SET), 0);
    end(&f);
}

static void a_record_that_does_not_follow_is_damage(void **state)
{
    struct fixture f;
    struct lk_change c;
    struct lk_change_record r = {.time = NOW, .n = 1};
    LK_BUF_AUTO raw = lk_buf(64u << 10);
    uint8_t wrong[32] = {0};
    (void)state;
    begin(&f);
    add_policy(&f, "prod", "disk/*", 0);
    assert_int_equal(check(&f, &c), LK_R_OK);
    r.prev = LK_BYTES(wrong);
    r.envelope = lk_buf_bytes(&f.raw);
    r.items[0].payload = f.payloads[0];
    ok(lk_change_record_put(&raw, &r));
    assert_int_equal(CODE(lk_state_apply(f.state, lk_buf_bytes(&raw))), LK_R_STORE_DAMAGED);
    assert_int_equal(CODE(lk_state_apply(f.state, lk_bytes(raw.data, raw.len - 1))), LK_R_STORE_DAMAGED);
    end(&f);
}

/* The head stands for every entry: what any byte of a record says changes it. */
static void the_hash_covers_the_record(void **state)
{
    uint8_t prev[32] = {1}, a[32], b[32];
    struct lk_change_record r = {.prev = LK_BYTES(prev), .time = NOW, .envelope = TEXT("envelope"), .n = 1};
    (void)state;
    ok(lk_change_record_hash(1, &r, a));
    ok(lk_change_record_hash(2, &r, b));
    assert_memory_not_equal(a, b, 32);
    r.items[0].note = 1;
    ok(lk_change_record_hash(1, &r, b));
    assert_memory_not_equal(a, b, 32);
    r.items[0].note = 0;
    r.time++;
    ok(lk_change_record_hash(1, &r, b));
    assert_memory_not_equal(a, b, 32);
}

static int make_keys(void **state)
{
    (void)state;
    admin_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    stranger_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return admin_key == NULL || stranger_key == NULL;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(admin_key);
    EVP_PKEY_free(stranger_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_set_found_replaced_and_deleted),
        cmocka_unit_test(two_policies_over_one_name_cover_it_twice),
        cmocka_unit_test(each_rule_of_an_envelope_alone),
        cmocka_unit_test(an_envelope_is_applied_once),
        cmocka_unit_test(an_administrator_has_a_key_that_can_sign),
        cmocka_unit_test(a_record_that_replaces_another_revokes),
        cmocka_unit_test(a_part_of_a_set_has_its_own_name),
        cmocka_unit_test(a_set_loads_and_its_end_revokes),
        cmocka_unit_test(collateral_can_only_be_dropped),
        cmocka_unit_test(the_last_administrator_stays),
        cmocka_unit_test(a_record_that_does_not_follow_is_damage),
        cmocka_unit_test(the_hash_covers_the_record),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
