/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TPM_PUBLIC_H
#define LK_TPM_PUBLIC_H
/*
 * Public areas of TPM keys: TPMT_PUBLIC (TPM 2.0 Library Part 2, section 12.2.4),
 * their names (Part 1, section 16) and their keys. Everything is big-endian.
 */
#include "proto/base/buffer.h"
#include "proto/tpm/algs.h"

#include <openssl/types.h>

#define LK_TPM_PUBLIC_MAX 1024 /* bytes; RSA-4096 with a SHA-512 policy has 610 */

struct lk_tpm_public {
    struct lk_bytes tpmt; /* the canonical form: the TPMT_PUBLIC alone, which the name hashes */
    uint16_t type;        /* LK_TPM_RSA or LK_TPM_ECC */
    uint16_t name_alg;
    uint32_t attributes;
    struct lk_bytes auth_policy;
    uint16_t sym, sym_bits, sym_mode; /* sym == LK_TPM_NULL: the others are 0 */
    uint16_t scheme, scheme_hash;     /* LK_TPM_NULL: any; hash 0 where the scheme has none */
    uint16_t rsa_bits;
    uint32_t rsa_exponent; /* 65537 where the area says 0 */
    uint16_t curve;
    struct lk_bytes n;    /* RSA modulus, exactly rsa_bits / 8 bytes */
    struct lk_bytes x, y; /* ECC point; each 1 byte to the field's size */
};

struct lk_tpm_name {
    uint8_t bytes[LK_TPM_NAME_MAX];
    size_t len; /* 2 + digest size of nameAlg */
};

/*
 * Parses a TPMT_PUBLIC, or a TPM2B_PUBLIC (the same with its length in front; the lengths tell
 * them apart, since no supported key is so short that they could be confused). Borrows from input.
 * TPM_PUBLIC when it is neither; TPM_PUBLIC_ALGORITHM for a key type, curve, scheme, name or symmetric
 * algorithm outside the tables.
 */
LK_MUST_USE lk_result lk_tpm_public_parse(struct lk_bytes input, struct lk_tpm_public *out);

/* Name = nameAlg || H_nameAlg(TPMT_PUBLIC). CRYPTO. */
LK_MUST_USE lk_result lk_tpm_name(const struct lk_tpm_public *p, struct lk_tpm_name *out);

struct lk_bytes lk_tpm_name_bytes(const struct lk_tpm_name *name);

/* Permanent handles of the hierarchies, as the qualified name of a primary hashes them. */
enum lk_tpm_hierarchy {
    LK_TPM_OWNER = 0x40000001,
    LK_TPM_ENDORSEMENT = 0x4000000b,
    LK_TPM_PLATFORM = 0x4000000c,
};

/* QN(primary) = nameAlg || H(hierarchy as u32 || Name). Part 1, section 16 and facts of real quotes. CRYPTO. */
LK_MUST_USE lk_result lk_tpm_qualified_primary(const struct lk_tpm_public *p, enum lk_tpm_hierarchy hierarchy,
                                               struct lk_tpm_name *out);

/* QN(child) = nameAlg || H(QN(parent) || Name). CRYPTO. */
LK_MUST_USE lk_result lk_tpm_qualified_child(const struct lk_tpm_public *p, const struct lk_tpm_name *parent,
                                             struct lk_tpm_name *out);

/* SHA-256(EK name || AK name): the context of an `activated` ticket. CRYPTO. */
LK_MUST_USE lk_result lk_tpm_activation_context(const struct lk_tpm_public *ek, const struct lk_tpm_public *ak,
                                                uint8_t out[static 32]);

/*
 * The key, which the caller frees with EVP_PKEY_free. TPM_PUBLIC when the numbers are no key (a point
 * that is not on its curve, an even modulus); CRYPTO.
 */
LK_MUST_USE lk_result lk_tpm_public_key(const struct lk_tpm_public *p, EVP_PKEY **out);

/* 04 || x || y, coordinates padded to the field's size: a TPM may leave zero bytes out. Returns the length. ECC only. */
size_t lk_tpm_uncompressed_point(const struct lk_tpm_public *p, size_t field, uint8_t out[static 1 + 2 * 66]);

/* Appends the key's SubjectPublicKeyInfo DER; the buffer fails when the numbers are no key of the tables. */
void lk_tpm_spki_put(const struct lk_tpm_public *p, struct lk_buf *out);

/*
 * A bare RSA key: the SubjectPublicKeyInfo that lk_tpm_spki_put writes for 2048, 3072 or 4096 bits and exponent 65537.
 * out has the key's numbers alone: no name, no attributes, no scheme. Borrows from the input. TPM_PUBLIC for all else.
 */
LK_MUST_USE lk_result lk_tpm_public_from_spki(struct lk_bytes spki, struct lk_tpm_public *out);

/* SHA-256 of the key's SubjectPublicKeyInfo DER (RFC 5280, 4.1; RFC 8017, A.1; RFC 5480, 2). TPM_PUBLIC, CRYPTO. */
LK_MUST_USE lk_result lk_tpm_spki_sha256(const struct lk_tpm_public *p, uint8_t out[static 32]);

/* RSA of 2048 to 4096 bits with exponent 65537, or P-256, P-384, P-521. Else TPM_KEY_WEAK. */
LK_MUST_USE lk_result lk_tpm_public_strong(const struct lk_tpm_public *p);

/* "rsa-2048", "rsa-3072", "rsa-4096", "p256", "p384", "p521"; NULL for a key that is not strong. */
const char *lk_tpm_public_word(const struct lk_tpm_public *p);

/*
 * An AK may sign for the TPM only: fixedTPM, fixedParent, sensitiveDataOrigin, restricted and sign set,
 * decrypt and stClear clear. Else TPM_AK_ATTRIBUTES: an unrestricted key signs whatever its user made up.
 */
LK_MUST_USE lk_result lk_tpm_ak_attributes(const struct lk_tpm_public *p);

/*
 * An EK is a storage key that the TPM made: fixedTPM, fixedParent, sensitiveDataOrigin, restricted and
 * decrypt set, sign and stClear clear, AES-CFB of 128 or 256 bits, no scheme. Else TPM_EK_ATTRIBUTES.
 */
LK_MUST_USE lk_result lk_tpm_ek_attributes(const struct lk_tpm_public *p);

#endif
