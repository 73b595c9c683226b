/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/product.h"

#include <stdio.h>
#include <string.h>

/* TCB_VERSION, byte 0 first (SEV-SNP ABI, structure TCB_VERSION). Only microcode goes above 127. */
#define TCB_MILAN                                                                                       \
    {                                                                                                   \
        {"bootloader", 1, 127}, {"tee", 2, 127}, {NULL, 4, 0}, {NULL, 5, 0}, {NULL, 6, 0}, {NULL, 7, 0}, \
        {"snp", 3, 127}, {"microcode", 8, 255},                                                         \
    }
#define TCB_TURIN                                                                                   \
    {                                                                                               \
        {"fmc", 9, 127}, {"bootloader", 1, 127}, {"tee", 2, 127}, {"snp", 3, 127}, {NULL, 5, 0},    \
        {NULL, 6, 0}, {NULL, 7, 0}, {"microcode", 8, 255},                                          \
    }

/* Fingerprints as AMD's key service (kdsintf.amd.com) serves the certificates. Bergamo and Siena are Genoa's. */
static const struct lk_snp_product products[] = {
    {
        "milan", "Milan", 0, 64, TCB_MILAN,
        {
            {/* ARK-Milan */
             0x69, 0xd0, 0x63, 0xb4, 0x53, 0x44, 0xd2, 0x6a, 0x2e, 0x94, 0xe1, 0xf4, 0x21, 0x0d, 0xe4, 0x9e,
             0xf5, 0x55, 0x30, 0x82, 0x87, 0xd4, 0xc1, 0x74, 0x44, 0x5c, 0x95, 0x63, 0x9a, 0x54, 0x0b, 0xcd},
            {/* SEV-Milan */
             0x67, 0xd3, 0x03, 0xbd, 0x39, 0x05, 0xfd, 0x38, 0xdb, 0x8b, 0x20, 0xe0, 0x79, 0x36, 0x99, 0x87,
             0x0e, 0x7f, 0xa6, 0x12, 0xea, 0xad, 0x5d, 0xec, 0x35, 0x82, 0x93, 0xfd, 0x8c, 0x0b, 0xac, 0x1b},
            {/* SEV-VLEK-Milan */
             0xc5, 0xe0, 0x81, 0xf5, 0x9b, 0x7e, 0xfa, 0xb1, 0xfe, 0x2f, 0x8b, 0x50, 0x5e, 0x15, 0x97, 0x04,
             0xe7, 0x2f, 0x29, 0xca, 0xb7, 0xef, 0x7c, 0xf6, 0x28, 0xa0, 0x5a, 0x42, 0x43, 0x90, 0x82, 0xf5},
        },
    },
    {
        "genoa", "Genoa", 0, 64, TCB_MILAN,
        {
            {/* ARK-Genoa */
             0x4c, 0x65, 0x98, 0xd1, 0x9c, 0x18, 0x71, 0x9c, 0x5d, 0xfd, 0x4a, 0x7d, 0x33, 0x5f, 0x67, 0x4e,
             0x5b, 0xfe, 0x1d, 0x8f, 0x80, 0x0c, 0xea, 0x2c, 0xf2, 0x70, 0xc1, 0x0d, 0x10, 0x3d, 0xb2, 0xf1},
            {/* SEV-Genoa */
             0x54, 0x64, 0x73, 0x8c, 0x15, 0x46, 0xae, 0xd5, 0xf2, 0xce, 0xcf, 0x1d, 0xc9, 0x8c, 0x5c, 0x96,
             0x0a, 0x92, 0xe8, 0x91, 0x32, 0x38, 0xa6, 0x17, 0x11, 0xbc, 0x90, 0xec, 0x6e, 0x82, 0x85, 0x21},
            {/* SEV-VLEK-Genoa */
             0x19, 0x7e, 0x61, 0x07, 0x43, 0xa9, 0x17, 0xd6, 0xb9, 0xbb, 0x98, 0x2a, 0x5a, 0x92, 0x26, 0xcc,
             0xc0, 0xa1, 0x5b, 0x61, 0x1b, 0xe0, 0x61, 0x9e, 0x62, 0x6a, 0xca, 0x91, 0x51, 0x45, 0x73, 0x72},
        },
    },
    {
        "turin", "Turin", 1, 8, TCB_TURIN,
        {
            {/* ARK-Turin */
             0x1f, 0x08, 0x41, 0x61, 0xa4, 0x4b, 0xb6, 0xd9, 0x37, 0x78, 0xa9, 0x04, 0x87, 0x7d, 0x48, 0x19,
             0xca, 0xfa, 0x5d, 0x05, 0xef, 0x41, 0x93, 0xb2, 0xde, 0xd9, 0xdd, 0x9c, 0x73, 0xdd, 0x3f, 0x6a},
            {/* SEV-Turin */
             0x5b, 0x77, 0xef, 0x5f, 0xe7, 0xa7, 0xa0, 0x04, 0xfd, 0x90, 0x32, 0x66, 0x8f, 0xba, 0x9d, 0x0f,
             0xda, 0x22, 0xf8, 0x8c, 0x44, 0x42, 0x06, 0x9a, 0x47, 0x96, 0x36, 0xa6, 0xae, 0x3b, 0x31, 0x85},
            {/* SEV-VLEK-Turin */
             0x10, 0x4e, 0x10, 0xa8, 0xbd, 0x06, 0x0a, 0x3c, 0x20, 0xa4, 0x34, 0x26, 0x1a, 0x57, 0xd0, 0x58,
             0x8f, 0xd6, 0x5a, 0x88, 0x91, 0x5b, 0x4f, 0x65, 0xb0, 0x8b, 0xde, 0xca, 0xf8, 0xdf, 0x1a, 0x3c},
        },
    },
};
#define PRODUCTS (sizeof(products) / sizeof(*products))

static const struct {
    uint8_t family, first, last;
    uint8_t product;
} models[] = {
    {0x19, 0x00, 0x0f, 0}, /* Milan */
    {0x19, 0x10, 0x1f, 1}, /* Genoa */
    {0x19, 0xa0, 0xaf, 1}, /* Bergamo, Siena */
    {0x1a, 0x00, 0x11, 2}, /* Turin */
};

static const char *const role_prefixes[LK_SNP_ROLES] = {"ARK-", "SEV-", "SEV-VLEK-"};
static const char *const role_names[LK_SNP_ROLES] = {"ARK", "ASK", "ASVK"};

const struct lk_snp_product *lk_snp_product_by_cpuid(uint8_t family, uint8_t model)
{
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
        if (models[i].family == family && models[i].first <= model && model <= models[i].last)
            return &products[models[i].product];
    return NULL;
}

const struct lk_snp_product *lk_snp_product_by_word(struct lk_bytes word)
{
    for (size_t i = 0; i < PRODUCTS; i++)
        if (lk_bytes_eq(word, lk_bytes_str(products[i].word)))
            return &products[i];
    return NULL;
}

static const struct lk_snp_product *by_name(struct lk_bytes name)
{
    for (size_t i = 0; i < PRODUCTS; i++)
        if (lk_bytes_eq(name, lk_bytes_str(products[i].name)))
            return &products[i];
    return NULL;
}

const struct lk_snp_product *lk_snp_product_by_product_name(struct lk_bytes name)
{
    const uint8_t *dash = name.len > 0 ? memchr(name.data, '-', name.len) : NULL;
    if (dash != NULL)
        name.len = (size_t)(dash - name.data);
    return by_name(name);
}

bool lk_snp_role_of_name(struct lk_bytes cn, const struct lk_snp_product **product, enum lk_snp_role *role)
{
    for (int r = 0; r < LK_SNP_ROLES; r++) {
        size_t n = strlen(role_prefixes[r]);
        if (cn.len <= n || memcmp(cn.data, role_prefixes[r], n) != 0)
            continue;
        *product = by_name(lk_bytes(cn.data + n, cn.len - n));
        *role = (enum lk_snp_role)r;
        if (*product != NULL)
            return true;
    }
    return false;
}

void lk_snp_tcb_query(const struct lk_snp_product *product, const uint8_t tcb[static LK_SNP_TCB_BYTES],
                      char out[static LK_SNP_TCB_QUERY])
{
    /* By the OID of the component's extension. */
    static const char *const keys[] = {"", "blSPL", "teeSPL", "snpSPL", "", "", "", "", "ucodeSPL", "fmcSPL"};
    size_t n = 0;
    for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++)
        if (product->tcb[i].name != NULL && n < LK_SNP_TCB_QUERY)
            n += (size_t)snprintf(out + n, LK_SNP_TCB_QUERY - n, "%s%s=%02u", n == 0 ? "" : "&", keys[product->tcb[i].oid], tcb[i]);
}

const char *lk_snp_role_name(enum lk_snp_role role)
{
    return role_names[role];
}

const char *lk_snp_kind_name(enum lk_snp_kind kind)
{
    return kind == LK_SNP_VLEK ? "VLEK" : "VCEK";
}
