/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_POLICYSET_H
#define LK_APPRAISE_POLICYSET_H
/*
 * Policies and reference records, unpacked and cross-checked once: from a snapshot
 * in a verifier, from files in `latchkey appraise`.
 */
#include "proto/base/report.h"

struct lk_policyset;

struct lk_policyset *lk_policyset_new(void);
void lk_policyset_free(struct lk_policyset *s);

/*
 * Adds a serialized latchkey.v1.Policy. The messages are checked as the lint checks a document (unknown
 * family, claim, operator, operand kind; closed world; overlap of names), so that a verifier never
 * trusts a compiler. POLICY_* reasons, with findings in report when it is not NULL.
 */
LK_MUST_USE lk_result lk_policyset_add_policy(struct lk_policyset *s, uint64_t revision, struct lk_bytes message,
                                              struct lk_report *report);

/* Adds a serialized latchkey.v1.ReferenceRecord. */
LK_MUST_USE lk_result lk_policyset_add_reference(struct lk_policyset *s, uint64_t revision, struct lk_bytes message,
                                                 struct lk_report *report);

/* Adds a serialized latchkey.v1.ReferenceSet, whose bytes must outlive s: its members stay where they are. */
LK_MUST_USE lk_result lk_policyset_add_set(struct lk_policyset *s, struct lk_bytes message, struct lk_report *report);

/* After the last add: overlap between policies, groups that no record has, sets that are not there (findings, not errors). */
LK_MUST_USE lk_result lk_policyset_finish(struct lk_policyset *s, struct lk_report *report);

/* One policy named "default" that has each family's safe defaults and accepts any single root, alone or with
   what is linked to it through bytes that no guest chose. NULL without memory. */
struct lk_policyset *lk_policyset_defaults(void);

/*
 * What GetChallenge asks a guest for, for these secrets: a packed latchkey.v1.EvidenceRequest into out
 * (at most 8 KiB). Names that no policy covers get a default request. max_bundle_bytes and suites are the
 * caller's to append: protobuf messages merge by concatenation. MEMORY, TOO_LARGE, REQUEST_LIMIT (over 16 names).
 */
struct lk_buf;
LK_MUST_USE lk_result lk_policyset_evidence_request(const struct lk_policyset *s, const struct lk_bytes *secrets,
                                                    size_t n_secrets, struct lk_buf *out);

/* What create-on-first-use may say. */
#define LK_CREATE_BYTES_MIN 16
#define LK_CREATE_BYTES_MAX 4096
#define LK_CREATE_PER_DAY_MAX 1000000

/*
 * True when the name (no placeholders) matches the release pattern; {x.y} in the pattern matches one
 * run of [0-9a-z._-]; "*" at the end of a pattern matches one or more characters other than "/".
 */
bool lk_release_pattern_match(struct lk_bytes pattern, struct lk_bytes name);

/*
 * True when the pattern has a placeholder and no "*": what create-on-first-use demands of it, as far as that shows without
 * the families' tables. lk_policyset_add_policy also demands that the placeholder is a claim that names one machine.
 */
bool lk_release_pattern_bound(struct lk_bytes pattern);

/* A pattern or secret name that may be used at all: UTF-8, printable, no "//", no leading or trailing "/". */
bool lk_secret_name_ok(struct lk_bytes name, bool placeholders);

#endif
