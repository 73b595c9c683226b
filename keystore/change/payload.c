/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/change/payload.h"

#include "policy.pb-c.h"
#include "policy/appraise/policyset.h"
#include "proto/msg/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MEMBERS 8 /* ReferenceSet.members */
#define ARENA_CAP (32u << 20) /* untouched pages cost nothing */

static void arena_drop(struct lk_arena **a)
{
    lk_arena_free(*a);
}
#define ARENA_AUTO __attribute__((cleanup(arena_drop))) struct lk_arena

/* Any reason that a message does not unpack is one to the administrator. */
static lk_result unpack(const ProtobufCMessageDescriptor *type, struct lk_bytes payload, struct lk_arena *arena, void **out)
{
    LK_REQUIRE(arena != NULL, MEMORY);
    return lk_ok(lk_msg_unpack(type, payload, arena, &LK_MSG_LIMITS_DOCUMENT, out)) ? LK_OK : LK_FAIL(CHANGE_PAYLOAD);
}

static bool is_name(const char *text, struct lk_bytes name)
{
    return lk_bytes_eq(lk_bytes_str(text), name);
}

static bool kek_by_name(const char *name, enum lk_kek *out)
{
    for (int k = LK_KEK_SEALED; k <= LK_KEK_IN_TOKEN; k++) {
        if (strcmp(name, lk_kek_name((enum lk_kek)k)) != 0)
            continue;
        *out = (enum lk_kek)k;
        return true;
    }
    return false;
}

void lk_policy_rules_free(struct lk_policy_rules *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_patterns; i++)
        free(r->patterns[i]);
    free(r);
}

static lk_result take_patterns(struct lk_policy_rules *r, const Latchkey__V1__Policy *p)
{
    LK_REQUIRE(p->n_releases >= 1 && p->n_releases <= LK_POLICY_PATTERNS_MAX, CHANGE_PAYLOAD);
    for (size_t i = 0; i < p->n_releases; i++) {
        r->patterns[i] = strdup(p->releases[i]);
        LK_REQUIRE(r->patterns[i] != NULL, MEMORY);
        r->n_patterns++;
    }
    return LK_OK;
}

static lk_result take_create(struct lk_policy_rules *r, const Latchkey__V1__Policy *p)
{
    if (p->create == NULL)
        return LK_OK;
    LK_REQUIRE(p->create->bytes >= LK_CREATE_BYTES_MIN && p->create->bytes <= LK_CREATE_BYTES_MAX, CHANGE_PAYLOAD);
    LK_REQUIRE(p->create->per_day >= 1 && p->create->per_day <= LK_CREATE_PER_DAY_MAX, CHANGE_PAYLOAD);
    r->create_bytes = p->create->bytes;
    r->create_per_day = p->create->per_day;
    return LK_OK;
}

static lk_result take_rules(struct lk_policy_rules *r, const Latchkey__V1__Policy *p, struct lk_bytes name)
{
    LK_REQUIRE(p->schema == 1 && is_name(p->name, name) && kek_by_name(p->kek, &r->kek), CHANGE_PAYLOAD);
    r->explain_to_guest = p->explain_to_guest;
    r->budget = p->budget;
    LK_TRY(take_create(r, p));
    return take_patterns(r, p);
}

lk_result lk_policy_rules_parse(struct lk_bytes payload, struct lk_bytes name, struct lk_policy_rules **out)
{
    ARENA_AUTO *arena = lk_arena_new(ARENA_CAP);
    void *message = NULL;
    *out = NULL;
    LK_TRY(unpack(&latchkey__v1__policy__descriptor, payload, arena, &message));
    struct lk_policy_rules *r = calloc(1, sizeof(*r));
    LK_REQUIRE(r != NULL, MEMORY);
    lk_result result = take_rules(r, message, name);
    if (!lk_ok(result)) {
        lk_policy_rules_free(r);
        return result;
    }
    *out = r;
    return LK_OK;
}

bool lk_policy_rules_cover(const struct lk_policy_rules *r, struct lk_bytes name)
{
    for (size_t i = 0; i < r->n_patterns; i++)
        if (lk_release_pattern_match(lk_bytes_str(r->patterns[i]), name))
            return true;
    return false;
}

bool lk_policy_rules_make(const struct lk_policy_rules *r, struct lk_bytes name)
{
    for (size_t i = 0; r->create_bytes > 0 && i < r->n_patterns; i++) {
        struct lk_bytes pattern = lk_bytes_str(r->patterns[i]);
        if (lk_release_pattern_bound(pattern) && lk_release_pattern_match(pattern, name))
            return true;
    }
    return false;
}

lk_result lk_payload_reference(struct lk_bytes payload, struct lk_bytes name)
{
    ARENA_AUTO *arena = lk_arena_new(ARENA_CAP);
    void *message = NULL;
    LK_TRY(unpack(&latchkey__v1__reference_record__descriptor, payload, arena, &message));
    const Latchkey__V1__ReferenceRecord *r = message;
    LK_REQUIRE(r->schema == 1 && is_name(r->id, name), CHANGE_PAYLOAD);
    return LK_OK;
}

lk_result lk_payload_anchor(struct lk_bytes payload, struct lk_bytes name)
{
    ARENA_AUTO *arena = lk_arena_new(ARENA_CAP);
    void *message = NULL;
    LK_TRY(unpack(&latchkey__v1__anchor__descriptor, payload, arena, &message));
    const Latchkey__V1__Anchor *a = message;
    LK_REQUIRE(a->schema == 1 && is_name(a->name, name) && a->family[0] != '\0' && a->certificate.len > 0,
               CHANGE_PAYLOAD);
    return LK_OK;
}

lk_result lk_payload_set(struct lk_bytes payload, struct lk_bytes name)
{
    ARENA_AUTO *arena = lk_arena_new(ARENA_CAP);
    void *message = NULL;
    struct lk_bytes members;
    char own[128];
    LK_REQUIRE(arena != NULL, MEMORY);
    LK_REQUIRE(lk_ok(lk_msg_unpack_apart(&latchkey__v1__reference_set__descriptor, payload, FIELD_MEMBERS, arena,
                                         &LK_MSG_LIMITS_SET, &message, &members)), CHANGE_PAYLOAD);
    const Latchkey__V1__ReferenceSet *s = message;
    snprintf(own, sizeof(own), "%.64s/%.16s/%u", s->name, s->version, (unsigned)s->part);
    LK_REQUIRE(s->schema == 1 && is_name(own, name), CHANGE_PAYLOAD);
    return LK_OK;
}

lk_result lk_payload_admin(struct lk_bytes payload, struct lk_bytes name, struct lk_buf *key)
{
    ARENA_AUTO *arena = lk_arena_new(ARENA_CAP);
    void *message = NULL;
    LK_TRY(unpack(&latchkey__v1__admin_key__descriptor, payload, arena, &message));
    const Latchkey__V1__AdminKey *k = message;
    LK_REQUIRE(k->schema == 1 && is_name(k->name, name) && k->ssh_key.len > 0 && k->ssh_key.len <= LK_SSH_KEY_MAX,
               CHANGE_PAYLOAD);
    lk_put(key, lk_bytes(k->ssh_key.data, k->ssh_key.len));
    return lk_buf_ok(key);
}

lk_result lk_payload_secret(struct lk_bytes payload, struct lk_bytes name, enum lk_kek *kek, struct lk_buf *sealed)
{
    ARENA_AUTO *arena = lk_arena_new(ARENA_CAP);
    void *message = NULL;
    LK_TRY(unpack(&latchkey__v1__secret_put__descriptor, payload, arena, &message));
    const Latchkey__V1__SecretPut *p = message;
    LK_REQUIRE(p->schema == 1 && is_name(p->name, name) && kek_by_name(p->kek, kek) && p->wrapped.len > 0,
               CHANGE_PAYLOAD);
    lk_put(sealed, lk_bytes(p->wrapped.data, p->wrapped.len));
    return lk_buf_ok(sealed);
}
