/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_TRIAL_H
#define LK_TOKEN_TRIAL_H
/*
 * What a token can really do is found by doing it: mechanism lists and flags of tokens are wrong too often. Each trial
 * goes through the very calls that serve the keeper, and checks the outcome with OpenSSL.
 */
#include "keystore/token/token.h"

/*
 * On the token's own keys, at each start: KWP, both OAEP hashes, template enforcement, import, signature. Fills
 * s->token->traits. TOKEN_CONFIG when a needed thing is not there (logged: event=token.trial step=...), TOKEN_TEMPLATE
 * when the KEK in-token gives secrets out and allow_unenforced is false.
 */
LK_MUST_USE lk_result lk_trial(struct lk_session *s, bool allow_unenforced);

/* As far as it goes without our keys (two AES session keys stand in for the KEKs): for --probe and --init. TOKEN_CONFIG. */
LK_MUST_USE lk_result lk_trial_without_keys(struct lk_session *s);

#endif
