/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/verify.h"
#include "policy/evidence/dcap/item.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/* SubjectPublicKeyInfo of a P-256 key up to and with the 04 of its uncompressed point (RFC 5480, 2). */
static const uint8_t spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

/* NULL when the point is not on the curve. */
static EVP_PKEY *p256_key(struct lk_bytes xy)
{
    uint8_t spki[sizeof(spki_head) + 64];
    const uint8_t *p = spki;
    memcpy(spki, spki_head, sizeof(spki_head));
    memcpy(spki + sizeof(spki_head), xy.data, 64);
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, sizeof(spki));
    ERR_clear_error();
    return key;
}

/* SHA-256(attestation key || auth data), then 32 zeros: quoting enclaves write nothing there. */
static lk_result check_binding(const struct lk_quote *q, const struct lk_dcap_say *say)
{
    uint8_t digest[32];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(ctx, q->attestation_key.data, q->attestation_key.len) == 1 &&
              EVP_DigestUpdate(ctx, q->qe_auth.data, q->qe_auth.len) == 1 && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    LK_REQUIRE(ok, CRYPTO);
    struct lk_bytes data = q->qe.report_data;
    if (lk_bytes_eq(lk_bytes(data.data, 32), LK_BYTES(digest)) && lk_bytes_zero(lk_bytes(data.data + 32, 32)))
        return LK_OK;
    return lk_report_add_hex(say->to, LK_R_DCAP_QE_BINDING, say->item, "REPORTDATA of the quoting enclave",
                             LK_BYTES(digest), data);
}

static lk_result verify(EVP_PKEY *key, struct lk_bytes msg, struct lk_bytes sig, enum lk_reason_code code,
                        const struct lk_dcap_say *say)
{
    lk_result r = lk_verify(key, LK_SCHEME_ECDSA_P256_SHA256, msg, sig);
    return r.code == LK_R_SIGNATURE_INVALID ? lk_dcap_fail(say, code, "quote", NULL, NULL) : r;
}

lk_result lk_dcap_signatures(const struct lk_quote *q, const struct lk_cert *pck, const struct lk_dcap_say *say)
{
    LK_TRY(verify(pck->key, q->qe_report, q->qe_report_signature, LK_R_DCAP_QE_REPORT_SIGNATURE, say));
    LK_TRY(check_binding(q, say));
    EVP_PKEY *key = p256_key(q->attestation_key);
    if (key == NULL)
        return lk_dcap_fail(say, LK_R_DCAP_ATTESTATION_KEY, "quote", NULL, NULL);
    lk_result r = verify(key, q->signed_part, q->signature, LK_R_DCAP_QUOTE_SIGNATURE, say);
    EVP_PKEY_free(key);
    return r;
}
