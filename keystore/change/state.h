/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHANGE_STATE_H
#define LK_CHANGE_STATE_H
/*
 * The state: the fold of the list of changes. Policies, reference records, anchors, secrets' versions and
 * administrators, by kind and name. Revisions of a name never repeat, not even after a delete.
 */
#include "keystore/change/made.h"
#include "keystore/change/record.h"
#include "keystore/token/calls.h"

enum lk_object_kind {
    LK_OBJECT_POLICY,
    LK_OBJECT_REFERENCE,
    LK_OBJECT_ANCHOR,
    LK_OBJECT_SECRET,
    LK_OBJECT_ADMIN,
    LK_OBJECT_SET, /* a part of a reference set */
    LK_OBJECT_COLLATERAL, /* never here: pieces come by uploads, and a change can only drop one */
    LK_OBJECT_COUNT
};
const char *lk_object_kind_name(enum lk_object_kind k); /* "policy", "reference", ... */
bool lk_object_kind_by_name(struct lk_bytes name, enum lk_object_kind *out);

#define LK_POLICY_PATTERNS_MAX 64

/* What the keeper itself must know of a policy. */
struct lk_policy_rules {
    char *patterns[LK_POLICY_PATTERNS_MAX];
    size_t n_patterns;
    enum lk_kek kek;
    bool explain_to_guest;
    uint64_t budget; /* releases per secret and day; 0: no limit */
    uint32_t create_bytes;   /* of a secret made on first use; 0: none is */
    uint64_t create_per_day; /* secrets made in a day */
};

struct lk_object {
    enum lk_object_kind kind;
    char *name;
    uint64_t revision; /* of a secret: the newest version */
    bool deleted;      /* kept so that revisions go on */
    uint64_t first_version; /* of a secret: the oldest that is not deleted */
    uint8_t digest[32];
    int64_t changed;
    uint8_t *payload; /* policy, reference, anchor, set: the signed bytes; admin: the SSH key */
    size_t payload_len;
    enum lk_kek kek;               /* secrets: of the newest version */
    uint64_t entry;                /* of the list that said so last */
    char *made_by;                 /* secrets whose newest version the keeper made: "policy disk-keys 3, decision ..."; else NULL */
    struct lk_policy_rules *rules; /* policies */
};

struct lk_state;

struct lk_state *lk_state_new(void);
void lk_state_free(struct lk_state *s);

/* Begins the state: installation id and the first administrators. STORE_DAMAGED, MEMORY. */
LK_MUST_USE lk_result lk_state_genesis(struct lk_state *s, struct lk_bytes genesis);

/*
 * Adds the next entry, whose number is lk_state_head()->index. The record must follow on the head; that an administrator's envelope was
 * signed is the MAC's word at start, and lk_change_check's before it was first appended; what the keeper made is checked here. STORE_DAMAGED, MEMORY.
 */
LK_MUST_USE lk_result lk_state_apply(struct lk_state *s, struct lk_bytes raw_record);

/*
 * May the keeper add this at the list's end? It must name the installation, the place and the hash before it; and each secret's
 * policy must be in force in that revision, alone cover the name and let it be made, and the name must never have been.
 * For what is about to be signed; lk_state_apply asks again, and for the signature. STORE_DAMAGED.
 */
LK_MUST_USE lk_result lk_state_made_ok(const struct lk_state *s, const struct lk_made *m);
/* The same of one of its secrets. */
bool lk_state_may_make(const struct lk_state *s, const struct lk_made_secret *m);

/* index: how many entries the list has, genesis among them; hash: of the last. */
const struct lk_head *lk_state_head(const struct lk_state *s);
const uint8_t *lk_state_installation_id(const struct lk_state *s); /* 32 bytes */

/* The object, or NULL when there is none or it is deleted. */
const struct lk_object *lk_state_find(const struct lk_state *s, enum lk_object_kind kind, struct lk_bytes name);
/* The same, deleted ones too. */
const struct lk_object *lk_state_trace(const struct lk_state *s, enum lk_object_kind kind, struct lk_bytes name);
size_t lk_state_count(const struct lk_state *s, enum lk_object_kind kind);

/* Objects of the kind that are not deleted, by name; until fn gives false. */
typedef bool (*lk_state_fn)(void *arg, const struct lk_object *o);
void lk_state_each(const struct lk_state *s, enum lk_object_kind kind, lk_state_fn fn, void *arg);

/* The administrator whose SSH key (wire form) this is, or NULL. */
const struct lk_object *lk_state_admin_by_key(const struct lk_state *s, struct lk_bytes ssh_key);

/* True when an envelope of this nonce (32 bytes) was applied. */
bool lk_state_nonce_used(const struct lk_state *s, struct lk_bytes nonce);

/* The policies that cover a name: how many, and the first. More than one covers nothing. */
size_t lk_state_policies_for(const struct lk_state *s, struct lk_bytes name, const struct lk_object **first);

/* The object kind that a change is about, and whether it deletes. False for queries and unknown kinds. */
bool lk_change_kind_of(enum lk_change_kind k, enum lk_object_kind *kind, bool *deletes);

#endif
