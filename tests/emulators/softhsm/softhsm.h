/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_SOFTHSM_H
#define LK_TEST_SOFTHSM_H
/* A SoftHSM2 token of a test's own, in a folder of its own below /tmp. Debian: softhsm2. */
#include "keystore/token/token.h"

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTHSM_LABEL "latchkey"
#define SOFTHSM_PIN "87654321"
#define SKIPPED 77 /* ctest SKIP_RETURN_CODE */

struct softhsm {
    char dir[64];
    char conf[96];   /* the value of SOFTHSM2_CONF, which is set to it */
    char tokens[96];
};

/* False when SoftHSM is not installed. */
bool softhsm_present(void);
/* A new, initialised, empty token; SOFTHSM2_CONF points to it. False on failure. */
bool softhsm_start(struct softhsm *h);
/* A copy of a token that no process has open; SOFTHSM2_CONF points to the copy. */
bool softhsm_copy(const struct softhsm *from, struct softhsm *to);
/* Makes SOFTHSM2_CONF point to it again. */
void softhsm_use(const struct softhsm *h);
/* Removes the folder. */
void softhsm_stop(struct softhsm *h);

/* Opens the token with that PIN; the module may be another that stands before SoftHSM. */
lk_result softhsm_open(struct lk_token *t, struct lk_session *s, const char *module, const char *pin);

#endif
