/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DOCUMENT_CLAIMS_H
#define LK_DOCUMENT_CLAIMS_H
/*
 * A family's block of a document: nested keys flatten with "." to claim names
 * (guest-policy: {debug: deny} is the claim guest-policy.debug), values become rules.
 */
#include "policy/document/reader.h"

/* Rules of the block. where: "policy/accept" for the places. */
Latchkey__V1__FamilyRules *lk_doc_family(struct lk_doc *d, const struct lk_family *family, struct fy_node *block,
                                         const char *where);

/* As lk_doc_family for one entry of a block, given by its key's text: "measurement". */
Latchkey__V1__FamilyRules *lk_doc_claim(struct lk_doc *d, const struct lk_family *family, const char *claim,
                                        struct fy_node *key, struct fy_node *value, const char *where);

/* One claim's operands from a scalar or list (vectors: a mapping by selector). NULL after an error. */
Latchkey__V1__Operand **lk_doc_operands(struct lk_doc *d, const struct lk_claim *claim, const char *name,
                                        struct fy_node *node, size_t *n);

#endif
