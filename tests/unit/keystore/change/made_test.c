/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/change/made.h: the one entry that the keeper may add by itself; each rule of the fold about it alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "keystore/change/check.h"
#include "policy.pb-c.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"

#define CODE(r) ((int)(r).code)
#define TEXT(s) lk_bytes_str(s)
#define ok(r) assert_int_equal(CODE(r), LK_R_OK)
#define NOW 1000000

static uint8_t installation[32] = {9};
static EVP_PKEY *key, *stranger;
static struct lk_buf spki, other_spki;

/* A list of genesis and one policy; and an entry that follows on it. */
struct fixture {
    struct lk_state *state;
    struct lk_made m;
    EVP_PKEY *signer;
    struct lk_buf part;
    uint8_t prev[32];
    int64_t record_time;
    uint8_t note;
    struct lk_bytes payload;
};

static void add_entry(struct lk_state *s, struct lk_bytes envelope, size_t n, uint8_t note, struct lk_bytes payload,
                      int64_t time, int code)
{
    struct lk_change_record r = {.prev = LK_BYTES(lk_state_head(s)->hash), .time = time, .envelope = envelope, .n = n};
    LK_BUF_AUTO raw = lk_buf(128u << 10);
    for (size_t i = 0; i < n; i++) {
        r.items[i].note = note;
        r.items[i].payload = payload;
    }
    ok(lk_change_record_put(&raw, &r));
    assert_int_equal(CODE(lk_state_apply(s, lk_buf_bytes(&raw))), code);
}

/* The fold does not look at an administrator's signature: the MAC, and lk_change_check before, do. */
static void admin_entry(struct lk_state *s, enum lk_change_kind kind, const char *object, uint64_t revision,
                        struct lk_bytes payload)
{
    static uint8_t nonce[32];
    uint8_t digest[32];
    LK_BUF_AUTO part = lk_buf(4096);
    LK_BUF_AUTO raw = lk_buf(8192);
    const struct lk_bytes signature[] = {TEXT("none")};
    struct lk_envelope e = {.installation_id = LK_BYTES(installation), .not_after = NOW, .scope = TEXT(""), .n_items = 1};
    nonce[0]++;
    e.nonce = LK_BYTES(nonce);
    ok(lk_sha256(LK_PARTS(payload), digest));
    e.items[0] = (struct lk_envelope_item){kind, TEXT(object), revision, (uint32_t)payload.len, LK_BYTES(digest)};
    lk_envelope_put_signed(&part, &e);
    lk_envelope_put(&raw, lk_buf_bytes(&part), signature, 1);
    bool secret = kind == LK_CHANGE_SECRET_PUT;
    add_entry(s, lk_buf_bytes(&raw), 1, secret ? LK_KEK_SEALED : 0, secret ? lk_bytes("", 0) : payload, NOW, LK_R_OK);
}

static void set_policy(struct lk_state *s, const char *name, const char *pattern, const char *kek, bool creates,
                       uint64_t revision)
{
    Latchkey__V1__Policy p = LATCHKEY__V1__POLICY__INIT;
    Latchkey__V1__Create c = LATCHKEY__V1__CREATE__INIT;
    char *releases[] = {(char *)(uintptr_t)pattern};
    uint8_t packed[512];
    p.schema = 1;
    p.name = (char *)(uintptr_t)name;
    p.kek = (char *)(uintptr_t)kek;
    p.releases = releases;
    p.n_releases = 1;
    c.bytes = 32;
    c.per_day = 10;
    p.create = creates ? &c : NULL;
    size_t n = latchkey__v1__policy__pack(&p, packed);
    admin_entry(s, LK_CHANGE_POLICY_SET, name, revision, lk_bytes(packed, n));
}

static void begin(struct fixture *f)
{
    struct lk_genesis g = {.time = NOW, .installation_key = lk_buf_bytes(&spki), .import_key = TEXT("mk"), .n_admins = 1};
    LK_BUF_AUTO raw = lk_buf(4096);
    *f = (struct fixture){.state = lk_state_new(), .signer = key, .record_time = NOW, .note = LK_KEK_SEALED,
                          .payload = lk_bytes("", 0)};
    memcpy(g.installation_id, installation, 32);
    g.admins[0].name = TEXT("alice");
    g.admins[0].ssh_key = TEXT("key");
    ok(lk_genesis_put(&raw, &g));
    ok(lk_state_genesis(f->state, lk_buf_bytes(&raw)));
    set_policy(f->state, "disks", "disk/{tpm.ek-sha256}", "sealed", true, 0);
    f->m = (struct lk_made){.installation_id = LK_BYTES(installation), .index = 2, .time = NOW, .n = 1};
    f->m.secrets[0] = (struct lk_made_secret){LK_KEK_SEALED, TEXT("disk/aa"), TEXT("disks"), 1, TEXT("7KQ2-M9XF-4TRB")};
    memcpy(f->prev, lk_state_head(f->state)->hash, 32);
}

static void end(struct fixture *f)
{
    lk_buf_free(&f->part);
    lk_state_free(f->state);
}

static void sign(EVP_PKEY *by, struct lk_bytes part, struct lk_buf *out)
{
    uint8_t message[32], der[LK_SIGNATURE_MAX];
    size_t n = sizeof(der);
    struct lk_bytes domain = lk_sign_domain_bytes(LK_SIGN_MADE);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ok(lk_made_message(part, message));
    assert_int_equal(EVP_DigestSignInit_ex(md, NULL, "SHA256", NULL, NULL, by, NULL), 1);
    assert_int_equal(EVP_DigestSignUpdate(md, domain.data, domain.len), 1);
    assert_int_equal(EVP_DigestSignUpdate(md, message, 32), 1);
    assert_int_equal(EVP_DigestSignFinal(md, der, &n), 1);
    EVP_MD_CTX_free(md);
    lk_put(out, lk_bytes(der, n));
}

static void whole(struct fixture *f, struct lk_buf *out)
{
    LK_BUF_AUTO signature = lk_buf(LK_SIGNATURE_MAX);
    lk_buf_free(&f->part);
    f->part = lk_buf(LK_ENVELOPE_MAX);
    if (f->m.prev.data == NULL)
        f->m.prev = LK_BYTES(f->prev);
    lk_made_put_signed(&f->part, &f->m);
    sign(f->signer, lk_buf_bytes(&f->part), &signature);
    lk_made_put(out, lk_buf_bytes(&f->part), lk_buf_bytes(&signature));
    ok(lk_buf_ok(out));
}

static void expect(struct fixture *f, int code)
{
    LK_BUF_AUTO envelope = lk_buf(LK_ENVELOPE_MAX);
    whole(f, &envelope);
    add_entry(f->state, lk_buf_bytes(&envelope), f->m.n, f->note, f->payload, f->record_time, code);
}

static void what_is_made_is_the_first_version(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    expect(&f, LK_R_OK);
    const struct lk_object *o = lk_state_find(f.state, LK_OBJECT_SECRET, TEXT("disk/aa"));
    assert_non_null(o);
    assert_int_equal(o->revision, 1);
    assert_int_equal(o->first_version, 1);
    assert_int_equal(o->kek, LK_KEK_SEALED);
    assert_int_equal(o->entry, 2);
    assert_int_equal(o->changed, NOW);
    assert_string_equal(o->made_by, "policy disks 1, decision 7KQ2-M9XF-4TRB");
    assert_int_equal(lk_state_head(f.state)->index, 3);
    admin_entry(f.state, LK_CHANGE_SECRET_PUT, "disk/aa", 1, TEXT("sealed")); /* an administrator's next version */
    o = lk_state_find(f.state, LK_OBJECT_SECRET, TEXT("disk/aa"));
    assert_int_equal(o->revision, 2);
    assert_int_equal(o->first_version, 1);
    assert_null(o->made_by);
    end(&f);
}

static void sixty_four_at_once(void **state)
{
    struct fixture f;
    char names[LK_MADE_MAX][16];
    (void)state;
    begin(&f);
    for (f.m.n = 0; f.m.n < LK_MADE_MAX; f.m.n++) {
        snprintf(names[f.m.n], sizeof(names[0]), "disk/%zu", f.m.n);
        f.m.secrets[f.m.n] = f.m.secrets[0];
        f.m.secrets[f.m.n].name = TEXT(names[f.m.n]);
    }
    expect(&f, LK_R_OK);
    assert_int_equal(lk_state_count(f.state, LK_OBJECT_SECRET), LK_MADE_MAX);
    end(&f);
}

/* Each case breaks one rule of an entry that otherwise applies. */
static uint8_t zeros[32];
static void another_installation(struct fixture *f) { f->m.installation_id = LK_BYTES(zeros); }
static void another_place(struct fixture *f) { f->m.index = 3; }
static void another_past(struct fixture *f) { f->m.prev = LK_BYTES(zeros); }
static void another_signer(struct fixture *f) { f->signer = stranger; }
static void another_time(struct fixture *f) { f->record_time = NOW + 1; }
static void another_kek_noted(struct fixture *f) { f->note = LK_KEK_IN_TOKEN; }
static void a_payload(struct fixture *f) { f->payload = TEXT("x"); }
static void a_kek_that_is_not_the_policys(struct fixture *f)
{
    f->m.secrets[0].kek = LK_KEK_IN_TOKEN;
    f->note = LK_KEK_IN_TOKEN;
}
static void no_such_policy(struct fixture *f) { f->m.secrets[0].policy = TEXT("other"); }
static void an_old_policy(struct fixture *f) { f->m.secrets[0].policy_revision = 2; }
static void a_name_outside(struct fixture *f) { f->m.secrets[0].name = TEXT("elsewhere/aa"); }
static void a_name_that_may_not_be(struct fixture *f) { f->m.secrets[0].name = TEXT("disk//"); }
static void the_same_twice(struct fixture *f) { f->m.secrets[f->m.n++] = f->m.secrets[0]; }
static void there_is_one(struct fixture *f)
{
    admin_entry(f->state, LK_CHANGE_SECRET_PUT, "disk/aa", 0, TEXT("sealed"));
    f->m.index++;
    memcpy(f->prev, lk_state_head(f->state)->hash, 32);
}
static void there_was_one(struct fixture *f)
{
    there_is_one(f);
    admin_entry(f->state, LK_CHANGE_SECRET_DELETE, "disk/aa", 1, lk_bytes("", 0));
    f->m.index++;
    memcpy(f->prev, lk_state_head(f->state)->hash, 32);
}
static void replace_policy(struct fixture *f, const char *pattern, bool creates)
{
    set_policy(f->state, "disks", pattern, "sealed", creates, 1);
    f->m.index++;
    f->m.secrets[0].policy_revision = 2;
    memcpy(f->prev, lk_state_head(f->state)->hash, 32);
}
static void a_policy_that_makes_none(struct fixture *f) { replace_policy(f, "disk/{tpm.ek-sha256}", false); }
static void a_policy_for_any_name(struct fixture *f) { replace_policy(f, "disk/*", true); }
static void a_policy_for_one_name(struct fixture *f) { replace_policy(f, "disk/aa", true); }
static void two_policies(struct fixture *f)
{
    set_policy(f->state, "more", "disk/*", "sealed", false, 0);
    f->m.index++;
    memcpy(f->prev, lk_state_head(f->state)->hash, 32);
}

static void each_rule_alone(void **state)
{
    static void (*const breaks[])(struct fixture *) = {
        another_installation, another_place, another_past, another_signer, another_time, another_kek_noted, a_payload,
        a_kek_that_is_not_the_policys, no_such_policy, an_old_policy, a_name_outside, a_name_that_may_not_be, the_same_twice,
        there_is_one, there_was_one, a_policy_that_makes_none, a_policy_for_any_name, a_policy_for_one_name, two_policies,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        struct fixture f;
        begin(&f);
        breaks[i](&f);
        struct lk_head before = *lk_state_head(f.state);
        expect(&f, LK_R_STORE_DAMAGED);
        assert_int_equal(lk_state_head(f.state)->index, before.index);
        end(&f);
    }
}

static void only_the_whole_layout_is_read(void **state)
{
    struct fixture f;
    struct lk_made m;
    LK_BUF_AUTO raw = lk_buf(LK_ENVELOPE_MAX);
    (void)state;
    begin(&f);
    whole(&f, &raw);
    assert_true(lk_made_is(lk_buf_bytes(&raw)));
    ok(lk_made_get(lk_buf_bytes(&raw), &m));
    ok(lk_made_verify(&m, lk_buf_bytes(&spki)));
    assert_int_equal(CODE(lk_made_verify(&m, lk_buf_bytes(&other_spki))), LK_R_STORE_DAMAGED);
    for (size_t n = 0; n < raw.len; n++)
        assert_int_equal(CODE(lk_made_get(lk_bytes(raw.data, n), &m)), LK_R_STORE_DAMAGED);
    lk_put_u8(&raw, 0);
    assert_int_equal(CODE(lk_made_get(lk_buf_bytes(&raw), &m)), LK_R_STORE_DAMAGED);
    assert_false(lk_made_is(TEXT("latchkey-secrets-made-v1"))); /* without its zero byte */
    end(&f);
}

/* A change that was checked before the keeper made what it puts. */
static void a_change_is_checked_again_when_its_turn_comes(void **state)
{
    struct fixture f;
    struct lk_change c = {.e.n_items = 1, .revisions = {1}};
    (void)state;
    begin(&f);
    c.e.items[0] = (struct lk_envelope_item){.kind = LK_CHANGE_SECRET_PUT, .object = TEXT("disk/aa")};
    ok(lk_change_still_fits(f.state, &c));
    expect(&f, LK_R_OK);
    assert_int_equal(CODE(lk_change_still_fits(f.state, &c)), LK_R_CHANGE_CONFLICT);
    end(&f);
}

static int make_keys(void **state)
{
    (void)state;
    spki = lk_buf(256);
    other_spki = lk_buf(256);
    return lk_ok(lk_answer_key_new(&key, &spki)) && lk_ok(lk_answer_key_new(&stranger, &other_spki)) ? 0 : 1;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(stranger);
    lk_buf_free(&spki);
    lk_buf_free(&other_spki);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_the_first_version),
        cmocka_unit_test(sixty_four_at_once),
        cmocka_unit_test(each_rule_alone),
        cmocka_unit_test(only_the_whole_layout_is_read),
        cmocka_unit_test(a_change_is_checked_again_when_its_turn_comes),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
