/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_RECORDS_H
#define LK_APPRAISE_RECORDS_H
/*
 * Reference records against the items of a bundle. A record matches when every one
 * of its fields does: firmware of one release with the kernel of another does not
 * pass. In scope LK_JUDGE_PATH fields of families that are not there yet are left out.
 */
#include "policy/appraise/judge.h"

struct lk_bundle {
    const struct lk_judged *items;
    size_t n;
    int64_t at;
    enum lk_judge_scope scope;
};

/* Active, and approved for this time. */
bool lk_record_in_force(const struct lk_record *r, int64_t at);

/* The item of the family, or NULL. */
const struct lk_judged *lk_bundle_item(const struct lk_bundle *b, const struct lk_family *family);

/*
 * True when an active record of the group matches. Otherwise findings: REFERENCE_MISSING,
 * REFERENCE_EXPIRED, REFERENCE_STAGED, REFERENCE_RETIRED, or REFERENCE_MISMATCH for each
 * field in which the nearest record differs.
 */
bool lk_records_judge(const struct lk_policyset *set, const char *group, const struct lk_bundle *b,
                      struct lk_report *report);

/* An active record of the group matches and has a value for the claim. */
bool lk_records_cover(const struct lk_policyset *set, const char *group, const struct lk_bundle *b,
                      const struct lk_family *family, size_t claim);

/* An active record of the group matches and has a value for a claim that pins the family's software. */
bool lk_records_pin(const struct lk_policyset *set, const char *group, const struct lk_bundle *b,
                    const struct lk_family *family);

#endif
