/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_IMA_KEYS_H
#define LK_IMA_KEYS_H
/*
 * Keys whose signature over a file may count: of anchors of the family "ima", and of certificates that the list shows being
 * loaded onto a keyring, if they chain to such an anchor. Names are those that policies use: "release-key", "ca/.ima".
 */
#include "policy/evidence/family.h"
#include "policy/evidence/ima/list.h"

#include <openssl/types.h>

#define LK_IMA_KEYS_MAX 64
#define LK_IMA_SIGNATURES_MAX 8192 /* verified in one list */

struct lk_ima_key {
    EVP_PKEY *key; /* of the trust's certificate cache */
    const char *name;
    uint32_t ids[2];
};

struct lk_ima_keys {
    struct lk_ima_key k[LK_IMA_KEYS_MAX];
    size_t n, verified;
};

/*
 * The anchors that are valid at the time and have a key that is taken: RSA of 2048 to 4096 bits, P-256, P-384. IMA_LIMIT,
 * and what the certificate cache gives.
 */
LK_MUST_USE lk_result lk_ima_keys_anchors(const struct lk_family_input *in, struct lk_ima_keys *keys);

/* Adds the certificate that the entry (a buffer) shows, when it is one and chains to an anchor; else nothing. IMA_LIMIT, MEMORY. */
LK_MUST_USE lk_result lk_ima_keys_learn(const struct lk_family_input *in, const struct lk_ima_entry *e,
                                        struct lk_ima_keys *keys);

/* The name of the key whose signature the entry carries; NULL when there is none or it does not verify. IMA_LIMIT. */
LK_MUST_USE lk_result lk_ima_keys_signer(struct lk_ima_keys *keys, const struct lk_ima_entry *e, const char **name);

#endif
