/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/change/check.h"

#include "keystore/change/payload.h"
#include "policy/appraise/policyset.h"
#include "proto/seal/hash.h"
#include "proto/seal/sshkey.h"

#include <openssl/evp.h>
#include <string.h>

static lk_result signers_known(const struct lk_state *s, const struct lk_envelope *e, struct lk_signer *signer)
{
    const struct lk_object *seen[LK_ENVELOPE_SIGNATURES_MAX];
    size_t different = 0;
    for (size_t i = 0; i < e->n_signatures; i++) {
        struct lk_bytes key;
        LK_TRY(lk_sshsig_verify(e->signatures[i], e->signed_part, &key));
        const struct lk_object *admin = lk_state_admin_by_key(s, key);
        LK_REQUIRE(admin != NULL, CHANGE_SIGNER);
        bool again = false;
        for (size_t j = 0; j < different; j++)
            again = again || seen[j] == admin;
        if (!again)
            seen[different++] = admin;
        if (i == 0)
            lk_ssh_fingerprint(key, signer->fingerprint);
    }
    return different >= LK_CHANGE_THRESHOLD ? LK_OK : LK_FAIL(CHANGE_SIGNER);
}

lk_result lk_envelope_authorise(const struct lk_state *s, struct lk_bytes raw, bool query, int64_t now,
                                struct lk_envelope *e, struct lk_signer *signer)
{
    LK_TRY(lk_envelope_parse(raw, e));
    LK_REQUIRE(e->query == query, CHANGE_MALFORMED);
    LK_REQUIRE(lk_bytes_eq(e->installation_id, lk_bytes(lk_state_installation_id(s), 32)), CHANGE_INSTALLATION);
    LK_REQUIRE(e->not_after >= now, CHANGE_EXPIRED);
    return signers_known(s, e, signer);
}

/* A tenant's envelope touches that tenant's secrets only. */
static bool in_scope(const struct lk_envelope *e, enum lk_object_kind kind, struct lk_bytes object)
{
    if (e->scope.len == 0)
        return true;
    return kind == LK_OBJECT_SECRET && object.len > e->scope.len + 1 &&
           memcmp(object.data, e->scope.data, e->scope.len) == 0 && object.data[e->scope.len] == '/';
}

static lk_result check_layout(const struct lk_envelope *e)
{
    for (size_t i = 0; i < e->n_items; i++) {
        enum lk_object_kind kind, other;
        bool deletes, ignored;
        LK_REQUIRE(lk_change_kind_of(e->items[i].kind, &kind, &deletes), CHANGE_MALFORMED);
        LK_REQUIRE(in_scope(e, kind, e->items[i].object), CHANGE_MALFORMED);
        LK_REQUIRE(lk_secret_name_ok(e->items[i].object, false), SECRET_NAME);
        for (size_t j = 0; j < i; j++)
            LK_REQUIRE(!lk_change_kind_of(e->items[j].kind, &other, &ignored) || other != kind ||
                           !lk_bytes_eq(e->items[i].object, e->items[j].object),
                       CHANGE_MALFORMED);
    }
    return LK_OK;
}

static lk_result check_revision(const struct lk_state *s, const struct lk_envelope_item *item, uint64_t *next)
{
    enum lk_object_kind kind = LK_OBJECT_POLICY;
    bool deletes = false;
    LK_REQUIRE(lk_change_kind_of(item->kind, &kind, &deletes), CHANGE_MALFORMED);
    const struct lk_object *now = lk_state_find(s, kind, item->object);
    const struct lk_object *ever = lk_state_trace(s, kind, item->object);
    LK_REQUIRE(item->revision == (now == NULL ? 0 : now->revision), CHANGE_CONFLICT);
    /* Whether there is such a piece is for the keeper to say. */
    LK_REQUIRE(!deletes || now != NULL || kind == LK_OBJECT_COLLATERAL, NOT_FOUND);
    uint64_t last = ever == NULL ? 0 : ever->revision;
    *next = deletes ? last : last + 1;
    return LK_OK;
}

static lk_result check_digest(const struct lk_envelope_item *item, struct lk_bytes payload, bool deletes)
{
    uint8_t digest[32];
    LK_REQUIRE(payload.len == item->payload_len && deletes == (payload.len == 0), CHANGE_PAYLOAD);
    LK_TRY(lk_sha256(LK_PARTS(payload), digest));
    return lk_bytes_eq(LK_BYTES(digest), item->payload_digest) ? LK_OK : LK_FAIL(CHANGE_PAYLOAD);
}

static lk_result read_policy(struct lk_bytes payload, struct lk_bytes name)
{
    struct lk_policy_rules *rules = NULL;
    lk_result r = lk_policy_rules_parse(payload, name, &rules);
    lk_policy_rules_free(rules);
    return r;
}

static lk_result read_admin(struct lk_bytes payload, struct lk_bytes name)
{
    LK_BUF_AUTO key = lk_buf(LK_SSH_KEY_MAX);
    struct lk_ssh_key parsed;
    LK_TRY(lk_payload_admin(payload, name, &key));
    LK_REQUIRE(lk_ok(lk_ssh_key_parse(lk_buf_bytes(&key), &parsed)), CHANGE_PAYLOAD); /* an admin who can never sign locks all out */
    EVP_PKEY_free(parsed.key);
    return LK_OK;
}

static lk_result read_secret(struct lk_bytes payload, struct lk_bytes name)
{
    enum lk_kek kek;
    LK_BUF_AUTO sealed = lk_buf(LK_SECRET_MAX + 4096);
    return lk_payload_secret(payload, name, &kek, &sealed);
}

/* After the signature: does the payload say what the item says? */
static lk_result check_payload(struct lk_change *c, size_t i, enum lk_object_kind kind)
{
    struct lk_bytes name = c->e.items[i].object;
    switch (kind) {
    case LK_OBJECT_POLICY:
        return read_policy(c->payloads[i], name);
    case LK_OBJECT_REFERENCE:
        return lk_payload_reference(c->payloads[i], name);
    case LK_OBJECT_ANCHOR:
        return lk_payload_anchor(c->payloads[i], name);
    case LK_OBJECT_SECRET:
        return read_secret(c->payloads[i], name);
    case LK_OBJECT_ADMIN:
        return read_admin(c->payloads[i], name);
    case LK_OBJECT_SET:
        return lk_payload_set(c->payloads[i], name);
    case LK_OBJECT_COLLATERAL: /* has none */
    case LK_OBJECT_COUNT:
        break;
    }
    return LK_FAIL(INTERNAL);
}

/*
 * What a record or an anchor said before must not pay out once it says something else. Verdicts by a policy's former
 * revision are told by their number.
 */
static bool deletes_trust(const struct lk_envelope_item *item, enum lk_object_kind kind, bool deletes)
{
    bool replaces = item->revision != 0;
    return (kind == LK_OBJECT_POLICY && deletes) ||
           ((kind == LK_OBJECT_REFERENCE || kind == LK_OBJECT_ANCHOR || kind == LK_OBJECT_SET) && replaces);
}

static lk_result check_items(const struct lk_state *s, struct lk_change *c)
{
    size_t admins = lk_state_count(s, LK_OBJECT_ADMIN);
    for (size_t i = 0; i < c->e.n_items; i++) {
        enum lk_object_kind kind = LK_OBJECT_POLICY;
        bool deletes = false;
        const struct lk_envelope_item *item = &c->e.items[i];
        LK_REQUIRE(lk_change_kind_of(item->kind, &kind, &deletes), CHANGE_MALFORMED);
        bool loads = kind != LK_OBJECT_SECRET && kind != LK_OBJECT_ADMIN && kind != LK_OBJECT_COLLATERAL;
        c->drops = c->drops || kind == LK_OBJECT_COLLATERAL;
        c->needs_generation = c->needs_generation || loads;
        c->revokes = c->revokes || deletes_trust(item, kind, deletes);
        if (!deletes)
            LK_TRY(check_payload(c, i, kind));
        if (kind == LK_OBJECT_ADMIN && deletes)
            admins--;
        if (kind == LK_OBJECT_ADMIN && !deletes && item->revision == 0)
            admins++;
    }
    return admins >= LK_CHANGE_THRESHOLD ? LK_OK : LK_FAIL(CHANGE_LAST_ADMIN);
}

lk_result lk_change_still_fits(const struct lk_state *s, const struct lk_change *c)
{
    for (size_t i = 0; i < c->e.n_items; i++) {
        uint64_t next = 0;
        LK_TRY(check_revision(s, &c->e.items[i], &next));
        LK_REQUIRE(next == c->revisions[i], CHANGE_CONFLICT);
    }
    return LK_OK;
}

lk_result lk_change_check(const struct lk_state *s, struct lk_bytes envelope, const struct lk_bytes *payloads, size_t n,
                          int64_t now, struct lk_change *out)
{
    *out = (struct lk_change){0};
    LK_TRY(lk_envelope_authorise(s, envelope, false, now, &out->e, &out->signer));
    LK_REQUIRE(!lk_state_nonce_used(s, out->e.nonce), CHANGE_REPLAYED);
    LK_TRY(check_layout(&out->e));
    for (size_t i = 0; i < out->e.n_items; i++)
        LK_TRY(check_revision(s, &out->e.items[i], &out->revisions[i]));
    LK_REQUIRE(n == out->e.n_items, CHANGE_PAYLOAD);
    for (size_t i = 0; i < n; i++) {
        enum lk_object_kind kind;
        bool deletes = false;
        LK_REQUIRE(lk_change_kind_of(out->e.items[i].kind, &kind, &deletes), CHANGE_MALFORMED);
        LK_TRY(check_digest(&out->e.items[i], payloads[i], deletes));
        out->payloads[i] = payloads[i];
    }
    return check_items(s, out);
}
