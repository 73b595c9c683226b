/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_IMA_SIGNATURE_H
#define LK_IMA_SIGNATURE_H
/*
 * Signatures that the kernel logs with a file (template ima-sig): the xattr security.ima of type EVM_IMA_XATTR_DIGSIG in
 * version 2 (Linux, security/integrity/integrity.h, struct signature_v2_hdr):
 *
 *   0  1  type, 3     2  1  hash: enum hash_algo (include/uapi/linux/hash_info.h)     7  2  u16be length of the signature
 *   1  1  version, 2  3  4  u32be key id                                              9     the signature, to the end
 *
 * RSA is PKCS #1 v1.5 over the digest with its DigestInfo; ECDSA is DER over the digest.
 */
#include "proto/base/bytes.h"
#include "proto/tpm/algs.h"

#include <openssl/types.h>

struct lk_ima_signature {
    const struct lk_tpm_hash *hash; /* sha256, sha384 or sha512 */
    uint32_t key_id;
    struct lk_bytes signature;
};

/* False for any other xattr: a hash, another version, a hash algorithm that is weak or unknown, a length that is not to the end. */
bool lk_ima_signature_read(struct lk_bytes xattr, struct lk_ima_signature *out);

/* The signature is the key's over this digest, which is of the signature's hash. */
bool lk_ima_signature_holds(const struct lk_ima_signature *s, EVP_PKEY *key, struct lk_bytes digest);

/*
 * The ids by which signatures may name the certificate's key: the last four bytes of its subject key identifier, and of SHA-1
 * over its public key's bits, as evmctl computes it without a certificate. 0 where there is none.
 */
void lk_ima_key_ids(const X509 *cert, uint32_t ids[static 2]);

#endif
