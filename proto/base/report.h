/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_REPORT_H
#define LK_BASE_REPORT_H
/*
 * What an appraisal found: the reasons that travel to the keeper, the audit
 * trail and `latchkey explain`. Bounded, so that evidence cannot make it grow.
 * expected and actual hold rendered typed values (hex, numbers, words of a
 * table), never free text of an attacker: lk_report_add escapes what it is given.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_FINDINGS_MAX 32
#define LK_FINDING_TEXT 128

struct lk_finding {
    enum lk_reason_code code;
    char item[32];                     /* "sev-snp", "tpm"; "" for the bundle as a whole */
    char rule[LK_FINDING_TEXT + 1];    /* "prod/snp-svsm/sev-snp.vmpl", "ovmf-2026.02/sev-snp.measurement" */
    char expected[LK_FINDING_TEXT + 1];
    char actual[LK_FINDING_TEXT + 1];
    bool absent;                       /* what the rule asks for was not in the evidence; stays in the process */
};

/* A piece of collateral that the broker lacks or cannot use (docs/collateral.md). */
struct lk_missing {
    enum lk_reason_code code; /* of the finding that it belongs to */
    char name[193];
    char note[17];            /* what its vendor wants to know beside the name: the product of a chip */
};
#define LK_REPORT_MISSING_MAX 4

struct lk_report {
    struct lk_finding findings[LK_FINDINGS_MAX];
    size_t n;
    bool truncated; /* more was found than fits */
    struct lk_missing missing[LK_REPORT_MISSING_MAX];
    size_t n_missing;
};

/*
 * Adds a finding; texts are cut to their fields and escaped, NULL means "".
 * Returns a result of the same code, so that a check can
 * `return lk_report_add(r, LK_R_SNP_SIGNATURE, "sev-snp", "", "", "")`.
 */
lk_result lk_report_add(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                        const char *expected, const char *actual);

/* As lk_report_add for what is not in the evidence: actual is "absent". */
lk_result lk_report_add_absent(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                               const char *expected);

/* As lk_report_add with both values as hex. */
lk_result lk_report_add_hex(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                            struct lk_bytes expected, struct lk_bytes actual);

/* As lk_report_add with both values as numbers. */
lk_result lk_report_add_uint(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                             uint64_t expected, uint64_t actual);

/* As lk_report_add for something outside its time: expected "FROM..UNTIL", actual the time; all in RFC 3339, UTC. */
lk_result lk_report_add_time(struct lk_report *r, enum lk_reason_code code, const char *item, const char *rule,
                             int64_t from, int64_t until, int64_t at);

/*
 * Says that a finding of this code, now or later, is for want of this collateral. One more than fits is left out. Those
 * whose code no finding has mean nothing: lk_report_lacks.
 */
void lk_report_missing(struct lk_report *r, enum lk_reason_code code, const char *name, const char *note);

/* Some finding has the code of this one. */
bool lk_report_lacks(const struct lk_report *r, const struct lk_missing *m);

/*
 * The class of the whole, from the worst finding in this order: internal,
 * malformed, not-authentic, unavailable, cannot-judge, refused; affirmed when empty.
 */
enum lk_class lk_report_class(const struct lk_report *r);

/* The first finding of that class: the code that the client is told. NULL when empty. */
const struct lk_finding *lk_report_first(const struct lk_report *r);

#endif
