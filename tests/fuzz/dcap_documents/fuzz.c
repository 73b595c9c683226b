/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCB Info and QE Identity. The key that signs them is unknown to the fuzzer, so the inner object is signed here: what is read
 * after the signature holds is attacked as well as what runs before it.
 */
#include "policy/evidence/dcap/collateral.h"
#include "proto/base/buffer.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *key(void)
{
    static EVP_PKEY *made;
    if (made == NULL)
        made = EVP_EC_gen("P-256");
    return made;
}

static bool sign(struct lk_bytes inner, uint8_t out[static 64])
{
    uint8_t der[80];
    size_t n = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key()) == 1 &&
              EVP_DigestSign(ctx, der, &n, inner.data, inner.len) == 1;
    EVP_MD_CTX_free(ctx);
    const uint8_t *p = der;
    ECDSA_SIG *sig = ok ? d2i_ECDSA_SIG(NULL, &p, (long)n) : NULL;
    ok = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32;
    ECDSA_SIG_free(sig);
    return ok;
}

static void read_body(struct lk_bytes body)
{
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct lk_report report = {0};
    struct lk_dcap_say say = {&report, "tdx"};
    struct lk_tcb_info info;
    struct lk_qe_identity identity;
    struct lk_cert signer = {.key = key()};
    struct lk_cert_cache *cache = lk_cert_cache_new(1);
    for (int tdx = 0; tdx < 2 && arena != NULL && cache != NULL; tdx++) {
        struct lk_collateral_input in = {body, cache, &signer, 1767225600, tdx == 1, arena, &say};
        if (lk_ok(lk_tcb_info_read(&in, &info)) && (info.n_levels == 0 || info.n_levels > LK_TCB_LEVELS_MAX))
            __builtin_trap();
        (void)!lk_ok(lk_qe_identity_read(&in, &identity));
    }
    lk_cert_cache_free(cache);
    lk_arena_free(arena);
}

static void read_signed(const char *member, struct lk_bytes inner)
{
    uint8_t signature[64];
    char hex[129];
    LK_BUF_AUTO body = lk_buf(1 << 18);
    if (!sign(inner, signature))
        return;
    lk_hex(LK_BYTES(signature), hex, sizeof(hex));
    lk_put_fmt(&body, "{\"%s\":", member);
    lk_put(&body, inner);
    lk_put_fmt(&body, ",\"signature\":\"%s\"}", hex);
    if (lk_ok(lk_buf_ok(&body)))
        read_body(lk_buf_bytes(&body));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_bytes in = lk_bytes(data, size);
    read_body(in);
    if (size > 0 && data[0] == '{') {
        read_signed("tcbInfo", in);
        read_signed("enclaveIdentity", in);
    }
    return 0;
}
