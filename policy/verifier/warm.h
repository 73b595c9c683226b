/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_VERIFIER_WARM_H
#define LK_VERIFIER_WARM_H
#include "proto/base/result.h"

/*
 * Makes OpenSSL do once, before the sandbox, all that it does lazily: without its configuration file, every
 * algorithm that evidence can need fetched, one signature verified with each kind of key, random bytes drawn. CRYPTO.
 */
LK_MUST_USE lk_result lk_verifier_warm(void);

#endif
