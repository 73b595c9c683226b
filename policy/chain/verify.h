/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_VERIFY_H
#define LK_CHAIN_VERIFY_H
/*
 * The one small function behind which signature verification sits, so that
 * another library can be measured in its place.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#include <openssl/types.h>

enum lk_scheme {
    LK_SCHEME_ECDSA_P256_SHA256,
    LK_SCHEME_ECDSA_P384_SHA384,
    LK_SCHEME_ECDSA_P384_SHA256,
    LK_SCHEME_ECDSA_P256_SHA384,
    LK_SCHEME_ECDSA_P521_SHA512,
    LK_SCHEME_RSASSA_SHA256,
    LK_SCHEME_RSASSA_SHA384,
    LK_SCHEME_RSASSA_SHA512,
    LK_SCHEME_RSAPSS_SHA256, /* salt length found from the signature; MGF1 with the same hash */
    LK_SCHEME_RSAPSS_SHA384,
    LK_SCHEME_RSAPSS_SHA512,
};

/*
 * Verifies sig over msg. ECDSA signatures are r || s, both big-endian of exactly the
 * curve's field size; RSA signatures exactly the modulus' size.
 * OK, SIGNATURE_INVALID (also when key and scheme do not fit), CRYPTO.
 */
LK_MUST_USE lk_result lk_verify(EVP_PKEY *key, enum lk_scheme scheme, struct lk_bytes msg, struct lk_bytes sig);

#endif
