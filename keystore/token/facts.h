/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_FACTS_H
#define LK_TOKEN_FACTS_H
/* What --init and --probe print about a token: JSON on standard output, or lines for people. No secret is among it. */
#include "keystore/token/token.h"

#include <stdio.h>

/* info NULL: the token has no keys of ours yet. */
void lk_facts_json(FILE *f, struct lk_token *t, const struct lk_token_info *info);
void lk_facts_text(FILE *f, struct lk_token *t, const struct lk_token_info *info);

#endif
