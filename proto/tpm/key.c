/* SPDX-License-Identifier: Apache-2.0 */
/* From a public area to OpenSSL's key (public.h). */
#include "proto/tpm/public.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

static bool push_rsa(OSSL_PARAM_BLD *bld, const struct lk_tpm_public *p, BIGNUM **n, BIGNUM **e)
{
    *n = BN_bin2bn(p->n.data, (int)p->n.len, NULL);
    *e = BN_new();
    return *n != NULL && *e != NULL && BN_set_word(*e, p->rsa_exponent) == 1 && BN_is_odd(*n) &&
           OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, *n) == 1 &&
           OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, *e) == 1;
}

size_t lk_tpm_uncompressed_point(const struct lk_tpm_public *p, size_t field, uint8_t out[static 1 + 2 * 66])
{
    memset(out, 0, 1 + 2 * field);
    out[0] = 4;
    memcpy(out + 1 + field - p->x.len, p->x.data, p->x.len);
    memcpy(out + 1 + 2 * field - p->y.len, p->y.data, p->y.len);
    return 1 + 2 * field;
}

static OSSL_PARAM *rsa_params(const struct lk_tpm_public *p)
{
    BIGNUM *n = NULL, *e = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = bld != NULL && push_rsa(bld, p, &n, &e) ? OSSL_PARAM_BLD_to_param(bld) : NULL;
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);
    return params;
}

static OSSL_PARAM *ecc_params(const struct lk_tpm_public *p, const struct lk_tpm_curve *curve)
{
    uint8_t point[1 + 2 * 66];
    size_t len = lk_tpm_uncompressed_point(p, curve->field, point);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (bld != NULL && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, len) == 1)
        params = OSSL_PARAM_BLD_to_param(bld);
    OSSL_PARAM_BLD_free(bld);
    return params;
}

lk_result lk_tpm_public_key(const struct lk_tpm_public *p, EVP_PKEY **out)
{
    bool rsa = p->type == LK_TPM_RSA;
    OSSL_PARAM *params = rsa ? rsa_params(p) : ecc_params(p, lk_tpm_curve(p->curve));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, rsa ? "RSA" : "EC", NULL);
    *out = NULL;
    bool made = params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return made ? LK_OK : LK_FAIL(TPM_PUBLIC);
}
