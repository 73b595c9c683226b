/* SPDX-License-Identifier: Apache-2.0 */
/* The templates of TCG EK Credential Profile 2.6, annex B.3 and B.4, and the kinds of AKs (keys.h). */
#include "broker/guest/collectors/tpm/keys.h"

#include <string.h>

#define EK_LOW                                                                                             \
    (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |                    \
     TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

/* PolicySecret(TPM_RH_ENDORSEMENT), SHA-256 */
#define POLICY_A                                                                                           \
    {                                                                                                      \
        .size = 32, .buffer = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,          \
                               0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,          \
                               0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa}                 \
    }

/* PolicyOR of PolicyA and an authorization by NV index, SHA-384 */
#define POLICY_B_SHA384                                                                                    \
    {                                                                                                      \
        .size = 48, .buffer = {0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc,    \
                               0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4,    \
                               0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba, 0x09,    \
                               0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12}     \
    }

static const TPM2B_PUBLIC template_l1 = {
    .publicArea = {
        .type = TPM2_ALG_RSA, .nameAlg = TPM2_ALG_SHA256, .objectAttributes = EK_LOW, .authPolicy = POLICY_A,
        .parameters.rsaDetail = {.symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                                 .scheme = {.scheme = TPM2_ALG_NULL}, .keyBits = 2048},
        .unique.rsa = {.size = 256},
    },
};

static const TPM2B_PUBLIC template_l2 = {
    .publicArea = {
        .type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256, .objectAttributes = EK_LOW, .authPolicy = POLICY_A,
        .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                                 .scheme = {.scheme = TPM2_ALG_NULL}, .curveID = TPM2_ECC_NIST_P256,
                                 .kdf = {.scheme = TPM2_ALG_NULL}},
        .unique.ecc = {.x = {.size = 32}, .y = {.size = 32}},
    },
};

static const TPM2B_PUBLIC template_h3 = {
    .publicArea = {
        .type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA384, .objectAttributes = EK_LOW | TPMA_OBJECT_USERWITHAUTH,
        .authPolicy = POLICY_B_SHA384,
        .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 256, .mode.aes = TPM2_ALG_CFB},
                                 .scheme = {.scheme = TPM2_ALG_NULL}, .curveID = TPM2_ECC_NIST_P384,
                                 .kdf = {.scheme = TPM2_ALG_NULL}},
        .unique.ecc = {.x = {.size = 0}, .y = {.size = 0}},
    },
};

static const struct lk_ek_kind ek_kinds[] = {
    {"ecc384", 0x01c00016, 0x81010016, &template_h3},
    {"ecc", 0x01c0000a, 0x8101000a, &template_l2},
    {"rsa", 0x01c00002, 0x81010001, &template_l1},
};

const struct lk_ek_kind *lk_ek_kind_at(size_t i)
{
    return i < sizeof(ek_kinds) / sizeof(ek_kinds[0]) ? &ek_kinds[i] : NULL;
}

const struct lk_ek_kind *lk_ek_kind(const char *name)
{
    for (size_t i = 0; lk_ek_kind_at(i) != NULL; i++)
        if (strcmp(ek_kinds[i].name, name) == 0)
            return &ek_kinds[i];
    return NULL;
}

static const struct lk_ak_kind ak_kinds[] = {
    {"ecc", TPM2_ALG_ECC, TPM2_ALG_ECDSA, TPM2_ECC_NIST_P256},
    {"ecc384", TPM2_ALG_ECC, TPM2_ALG_ECDSA, TPM2_ECC_NIST_P384},
    {"rsa", TPM2_ALG_RSA, TPM2_ALG_RSASSA, 0},
    {"rsapss", TPM2_ALG_RSA, TPM2_ALG_RSAPSS, 0},
};

const struct lk_ak_kind *lk_ak_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(ak_kinds) / sizeof(ak_kinds[0]); i++)
        if (strcmp(ak_kinds[i].name, name) == 0)
            return &ak_kinds[i];
    return NULL;
}
