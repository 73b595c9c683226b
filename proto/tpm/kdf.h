/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TPM_KDF_H
#define LK_TPM_KDF_H
/* The TPM's key derivations (TPM 2.0 Library Part 1, sections 11.4.10.2 and 11.4.10.3), by OpenSSL's EVP_KDF. */
#include "proto/base/secret.h"
#include "proto/tpm/algs.h"

/*
 * KDFa, HMAC in counter mode (SP 800-108): len bytes into a new secret. label without its NUL, which the
 * separator gives; context may be empty. MEMORY, CRYPTO.
 */
LK_MUST_USE lk_result lk_tpm_kdfa(const struct lk_tpm_hash *hash, struct lk_bytes key, const char *label,
                                  struct lk_bytes context, size_t len, struct lk_secret *out);

/*
 * KDFe, the one-step derivation of SP 800-56C: H(counter || z || label 00 || u || v), one digest's
 * length into a new secret. u and v are x-coordinates of at most 66 bytes. MEMORY, CRYPTO.
 */
LK_MUST_USE lk_result lk_tpm_kdfe(const struct lk_tpm_hash *hash, struct lk_bytes z, const char *label,
                                  struct lk_bytes u, struct lk_bytes v, struct lk_secret *out);

#endif
