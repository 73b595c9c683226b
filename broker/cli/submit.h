/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_SUBMIT_H
#define LK_CLI_SUBMIT_H
/*
 * Changes and queries: builds the envelope (proto/seal/envelope.h), has it signed
 * with the profile's SSH key, sends it, and believes only what is signed under the
 * pinned broker id. The way of every command that talks to a broker:
 *
 *     struct lk_profile profile;
 *     struct lk_admin *admin = NULL;
 *     lk_result r = lk_profile_resolve(&args, &profile);
 *     if (lk_ok(r))
 *         r = lk_admin_open(&profile, &admin);
 *     if (lk_ok(r))
 *         r = lk_admin_put(admin, LK_CHANGE_POLICY_SET, "policy", "prod", payload, &done);
 *     int code = lk_ok(r) ? 0 : lk_admin_fail(admin, r, "policy prod");
 *     lk_admin_close(admin);
 */
#include "broker/cli/profile.h"
#include "latchkey.pb-c.h"
#include "proto/base/bytes.h"
#include "proto/seal/envelope.h"

struct lk_admin;

/* What the broker says of itself, checked against the pinned broker id. Borrowed until close. */
struct lk_admin_hello {
    struct lk_bytes installation_id;
    struct lk_bytes import_key; /* SPKI DER, certified by the installation key */
    const char *import_suite;
};

struct lk_change_item {
    enum lk_change_kind kind;
    const char *object;
    uint64_t revision;       /* that the object has now; 0: must not exist */
    struct lk_bytes payload; /* LK_BYTES_NONE for a delete */
};

struct lk_change_done {
    uint64_t index, generation;
    uint64_t revisions[LK_ENVELOPE_ITEMS_MAX]; /* new ones, in the order of the items */
    size_t n;
};

/*
 * Connects (several addresses are tried in turn) and says hello. Errors of lk_grpc_open, ANSWER_*, and what the
 * broker says. *out may be set on failure too: close it in either case.
 */
LK_MUST_USE lk_result lk_admin_open(const struct lk_profile *profile, struct lk_admin **out);
void lk_admin_close(struct lk_admin *a); /* NULL is fine */

const struct lk_admin_hello *lk_admin_hello(const struct lk_admin *a);

/*
 * Submits one change of 1 to 64 items; all or none of it applies. Waits while another change is being loaded. Its answer
 * is not signed: OK only when the signed list then shows the change (confirm.h). CHANGE_NOT_IN_FORCE, CHANGE_UNCONFIRMED,
 * and what the broker says. done->index and done->generation stay the front's word.
 */
LK_MUST_USE lk_result lk_admin_change(struct lk_admin *a, const struct lk_change_item *items, size_t n,
                                      struct lk_change_done *done);

/* One signed query. args may be NULL. *out lives until the next call or close. */
LK_MUST_USE lk_result lk_admin_query(struct lk_admin *a, enum lk_change_kind kind, const char *object,
                                     const Latchkey__V1__QueryArgs *args, const Latchkey__V1__QueryResult **out);

/* The present revision of an object ("policy", "prod"); 0 when there is none. */
LK_MUST_USE lk_result lk_admin_revision(struct lk_admin *a, const char *kind, const char *name, uint64_t *revision);

/* A change of one object against its present revision. list is the object's kind in LK_QUERY_LIST: "policy". */
LK_MUST_USE lk_result lk_admin_put(struct lk_admin *a, enum lk_change_kind kind, const char *list, const char *name,
                                   struct lk_bytes payload, struct lk_change_done *done);

/*
 * "latchkey: TEXT: CODE: what happened ..." to standard error, with what the broker said when it was the broker
 * that failed it; returns the exit code of the class. a may be NULL.
 */
int lk_admin_fail(const struct lk_admin *a, lk_result r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
