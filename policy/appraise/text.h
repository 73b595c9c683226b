/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_TEXT_H
#define LK_APPRAISE_TEXT_H
/*
 * Claims and values as people write and read them: the same forms in documents, in
 * safe defaults of claim tables, in findings and in JSON.
 *
 *   BOOL      required | deny (also true | false)
 *   UINT      decimal or 0x hex
 *   BYTES     hex, either case on input
 *   WORD      one of the claim's words
 *   TEXT      printable text
 *   VECTOR    {genoa: {bootloader: 7, ...}}   (documents only; "genoa bootloader=7 ..." in findings)
 *   REGISTERS hex of one register's digest, the claim written name.bank.index
 *   WORDS     one word of the list
 *   FILES     one file of the list: algorithm:hex, or algorithm:hex, a blank and its path
 */
#include "policy/appraise/policy.h"
#include "proto/base/buffer.h"

/*
 * Finds "vmpl", "pcr.sha256.7", or the whole "pcr" of a register claim (alg 0).
 * POLICY_CLAIM when the family has none of that name.
 */
LK_MUST_USE lk_result lk_claim_find(const struct lk_family *family, const char *name, struct lk_claim_ref *out);

/* The claim's table row. */
const struct lk_claim *lk_claim_of(const struct lk_claim_ref *ref);

/* "sha256" for its TPM_ALG_ID; NULL when unknown. */
const char *lk_bank_name(uint16_t alg);

/* Bytes of its digests; 0 when unknown. And the TPM_ALG_ID of a name; 0 when unknown. */
size_t lk_bank_size(uint16_t alg);
uint16_t lk_bank_by_name(struct lk_bytes name);

/* [a-z0-9][a-z0-9._-]{0,63}: policies, records, groups, sets, anchors. */
bool lk_policy_name_ok(const char *name);

/* A scalar's text to a value of the claim's kind, in the arena. POLICY_OPERAND, MEMORY. Not for VECTOR. */
LK_MUST_USE lk_result lk_value_parse(const struct lk_claim *claim, const char *text, struct lk_arena *arena,
                                     struct lk_value *out);

/* What lk_value_parse takes for the claim: "a number", "one of milan, genoa". */
void lk_value_form(const struct lk_claim *claim, struct lk_buf *out);

/* The value as text; "absent" when it is not present. Registers: "sha256:7=..." of all. */
void lk_value_put(struct lk_buf *out, const struct lk_value *v);

/* The value that the reference addresses: the claim's own, or a register's digest as BYTES. */
struct lk_value lk_value_at(const struct lk_value *values, const struct lk_claim_ref *ref);

/* The buffer's text, NUL-terminated and cut to a finding's field, into out; returns out. */
const char *lk_buf_text(const struct lk_buf *b, char out[static LK_FINDING_TEXT + 1]);

#define LK_RENDERED_MAX 16384 /* bytes of a rendered value: a command line has at most 4 KiB */

/*
 * Two rendered values as a finding shows them: whole where they fit, else cut ("...") from shortly before the first
 * byte in which they differ, so that the difference is seen.
 */
void lk_texts_fit(const struct lk_buf *want, const struct lk_buf *got, char expected[static LK_FINDING_TEXT + 1],
                  char actual[static LK_FINDING_TEXT + 1]);

/* Same kind and content. */
bool lk_value_eq(const struct lk_value *a, const struct lk_value *b);

/*
 * Words of operators, as in documents: "equals", "at-least". lk_op_by_word gives 0 for another word.
 */
enum lk_op lk_op_by_word(const char *word);
const char *lk_op_word(enum lk_op op);

/* The operator may judge claims of the kind. */
bool lk_op_fits(enum lk_op op, enum lk_kind kind, bool one_register);

#endif
