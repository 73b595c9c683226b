/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/emulators/paravisor/hcl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#define MUST(x)                                                           \
    do {                                                                  \
        if (!(x)) {                                                       \
            fprintf(stderr, "hcl: %s:%d: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                      \
        }                                                                 \
    } while (0)

struct hcl hcl_good(void)
{
    return (struct hcl){
        .signature = 0x414c4348,
        .version = 2,
        .request = 2,
        .data_version = 1,
        .type = 2,
        .hash = 1,
        .padding = 100,
        .before = "{",
        .between = ",{\"kid\":\"HCLEkPub\",\"key_ops\":[\"encrypt\"],\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQ\"}",
        .after = ",\"vm-configuration\":{\"console-enabled\":true,\"root-cert-thumbprint\":\"6nZZ\",\"secure-boot\":true,"
                 "\"tpm-enabled\":true,\"tpm-persisted\":false,\"vmUniqueId\":\"0A1B2C3D-0000-4000-8000-00000000000F\"},"
                 "\"user-data\":\"A10000000000000000000000000000000000000000000000000000000000"
                 "000000000000000000000000000000000000000000000000000000000000000000B2\"}",
    };
}

static void put_base64url(struct lk_buf *out, struct lk_bytes v)
{
    char text[1024];
    MUST(v.len <= 700);
    int n = EVP_EncodeBlock((unsigned char *)text, v.data, (int)v.len);
    for (int i = 0; i < n && text[i] != '='; i++)
        lk_put_u8(out, (uint8_t)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]));
}

void hcl_runtime_put(struct lk_buf *out, const struct hcl *h, EVP_PKEY *ak)
{
    uint8_t n[512];
    BIGNUM *number = NULL;
    MUST(EVP_PKEY_get_bn_param(ak, OSSL_PKEY_PARAM_RSA_N, &number) == 1);
    int len = BN_bn2bin(number, n);
    BN_free(number);
    lk_put_fmt(out, "%s\"keys\":[{\"kid\":\"%s\",\"key_ops\":[\"sign\"],\"kty\":\"%s\",\"e\":\"%s\",\"n\":\"", h->before,
               h->kid == NULL ? "HCLAkPub" : h->kid, h->kty == NULL ? "RSA" : h->kty, h->e == NULL ? "AQAB" : h->e);
    put_base64url(out, lk_bytes(n, (size_t)len));
    lk_put_fmt(out, "\"}%s]%s", h->between, h->after);
}

void hcl_report_data(const struct hcl *h, struct lk_bytes runtime, uint8_t out[static 64])
{
    const EVP_MD *md = h->hash == 2 ? EVP_sha384() : h->hash == 3 ? EVP_sha512() : EVP_sha256();
    memset(out, 0, 64);
    MUST(EVP_Digest(runtime.data, runtime.len, out, NULL, md, NULL) == 1);
}

void hcl_put(struct lk_buf *out, const struct hcl *h, struct lk_bytes hardware, struct lk_bytes runtime)
{
    uint32_t size = (uint32_t)runtime.len;
    lk_put_u32le(out, h->signature);
    lk_put_u32le(out, h->version);
    lk_put_u32le(out, 1216 + 20 + size + (uint32_t)h->report_size_off);
    lk_put_u32le(out, h->request);
    lk_put_u32le(out, h->status);
    lk_put_u32le(out, h->reserved);
    lk_put_u64le(out, 0);
    lk_put(out, hardware);
    lk_put_u32le(out, 20 + size + (uint32_t)h->data_size_off);
    lk_put_u32le(out, h->data_version);
    lk_put_u32le(out, h->type);
    lk_put_u32le(out, h->hash);
    lk_put_u32le(out, size + (uint32_t)h->runtime_size_off);
    lk_put(out, runtime);
    for (size_t i = 1; i <= h->padding; i++)
        lk_put_u8(out, i == h->padding ? h->padding_end : 0);
}
