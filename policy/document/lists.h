/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DOCUMENT_LISTS_H
#define LK_DOCUMENT_LISTS_H
/*
 * The rule on a claim that is a list:
 *
 *   none                                    no member may be there
 *   [A, B]                                  every member is one of these; also {in: [A, B]}, {not-in: [A, B]}
 *   {in-set: NAME}                          files: every member is in this reference set, or in one of a list of sets
 *   {..., exclude: [GLOB], signed-by: {KEY: [GLOB]}}  files, beside in, in-set or alone: what else passes
 *   {skip: {because: TEXT}}, {any-genuine: {because: TEXT}}
 */
#include "policy/document/reader.h"

/* Fills operator, operands, exclude and signed-by of r. */
void lk_doc_list(struct lk_doc *d, const struct lk_claim *claim, struct fy_node *value, Latchkey__V1__Rule *r);

#endif
