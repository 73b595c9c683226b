/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TPM_ALGS_H
#define LK_TPM_ALGS_H
/*
 * Algorithm identifiers, curves and object attributes of TPM 2.0 (TCG Algorithm
 * Registry; TPM 2.0 Library Part 2, sections 6 and 8), as far as Latchkey uses
 * them. What is not in these tables is not supported anywhere.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

enum lk_tpm_alg {
    LK_TPM_RSA = 0x0001,
    LK_TPM_SHA1 = 0x0004,
    LK_TPM_AES = 0x0006,
    LK_TPM_SHA256 = 0x000b,
    LK_TPM_SHA384 = 0x000c,
    LK_TPM_SHA512 = 0x000d,
    LK_TPM_NULL = 0x0010,
    LK_TPM_RSASSA = 0x0014,
    LK_TPM_RSAES = 0x0015,
    LK_TPM_RSAPSS = 0x0016,
    LK_TPM_OAEP = 0x0017,
    LK_TPM_ECDSA = 0x0018,
    LK_TPM_ECDH = 0x0019,
    LK_TPM_ECC = 0x0023,
    LK_TPM_CFB = 0x0043,
};

/* TPMA_OBJECT, Part 2 section 8.3. */
enum lk_tpm_attribute {
    LK_TPM_FIXED_TPM = 1 << 1,
    LK_TPM_ST_CLEAR = 1 << 2,
    LK_TPM_FIXED_PARENT = 1 << 4,
    LK_TPM_SENSITIVE_DATA_ORIGIN = 1 << 5,
    LK_TPM_USER_WITH_AUTH = 1 << 6,
    LK_TPM_ADMIN_WITH_POLICY = 1 << 7,
    LK_TPM_NO_DA = 1 << 10,
    LK_TPM_RESTRICTED = 1 << 16,
    LK_TPM_DECRYPT = 1 << 17,
    LK_TPM_SIGN = 1 << 18,
};

#define LK_TPM_DIGEST_MAX 64
#define LK_TPM_NAME_MAX (2 + LK_TPM_DIGEST_MAX) /* nameAlg and digest */

struct lk_tpm_hash {
    uint16_t alg;
    uint8_t size;     /* bytes of the digest */
    const char *name; /* "sha256": banks in documents, JSON and on the wire */
    const char *evp;  /* OpenSSL's name */
};

struct lk_tpm_curve {
    uint16_t id;        /* TPM_ECC_CURVE */
    uint8_t field;      /* bytes of a coordinate */
    const char *name;   /* "p256" */
    const char *group;  /* OpenSSL's name */
};

/* NULL when the identifier is not in the table. */
const struct lk_tpm_hash *lk_tpm_hash(uint16_t alg);
const struct lk_tpm_hash *lk_tpm_hash_by_name(const char *name);
const struct lk_tpm_curve *lk_tpm_curve(uint16_t id); /* P-256, P-384, P-521 only */

/* H(parts) into out, hash->size bytes. CRYPTO. */
LK_MUST_USE lk_result lk_tpm_digest(const struct lk_tpm_hash *hash, const struct lk_bytes *parts, size_t n,
                                    uint8_t out[static LK_TPM_DIGEST_MAX]);

#endif
