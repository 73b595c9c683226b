/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_PRODUCT_H
#define LK_SEV_SNP_PRODUCT_H
/*
 * AMD's products: how each lays out a TCB version, which certificates are
 * pinned for it, what its certificates are called.
 */
#include "proto/base/bytes.h"

#define LK_SNP_TCB_BYTES 8

/* Which of the two keys signed: SIGNING_KEY of the report. */
enum lk_snp_kind { LK_SNP_VCEK, LK_SNP_VLEK };

enum lk_snp_role { LK_SNP_ARK, LK_SNP_ASK, LK_SNP_ASVK, LK_SNP_ROLES };

/* A byte of TCB_VERSION, and the certificate's extension 1.3.6.1.4.1.3704.1.3.<oid> that must equal it. */
struct lk_snp_tcb_part {
    const char *name; /* component; NULL: reserved, zero in the report and in the certificate */
    uint8_t oid;
    uint8_t max; /* greatest value that firmware gives */
};

struct lk_snp_product {
    const char *word;       /* "milan": policies and collateral names */
    const char *name;       /* "Milan": certificates */
    uint8_t struct_version; /* structVersion of its VCEKs and VLEKs */
    uint8_t hwid_len;       /* significant bytes of CHIP_ID */
    struct lk_snp_tcb_part tcb[LK_SNP_TCB_BYTES];
    uint8_t pins[LK_SNP_ROLES][32]; /* SHA-256 of the certificates' DER */
};

/* NULL when no product has this combined family and model (PPR; the report's CPUID_FAM_ID and CPUID_MOD_ID). */
const struct lk_snp_product *lk_snp_product_by_cpuid(uint8_t family, uint8_t model);

/* By its word: "milan". NULL for any other. */
const struct lk_snp_product *lk_snp_product_by_word(struct lk_bytes word);

/* By the line in a certificate's productName: "Milan" or "Milan-B0" (the stepping is not AMD's CPUID stepping). */
const struct lk_snp_product *lk_snp_product_by_product_name(struct lk_bytes name);

/* Product and role that a CA's common name states: "ARK-Milan", "SEV-Milan", "SEV-VLEK-Milan". False for any other. */
bool lk_snp_role_of_name(struct lk_bytes common_name, const struct lk_snp_product **product, enum lk_snp_role *role);

/* Room for what lk_snp_tcb_query writes. */
#define LK_SNP_TCB_QUERY 64

/*
 * The TCB (LK_SNP_TCB_BYTES as in the report) as the query of AMD's key service, "blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=213"
 * (AMD publication 57230).
 */
void lk_snp_tcb_query(const struct lk_snp_product *product, const uint8_t tcb[static LK_SNP_TCB_BYTES],
                      char out[static LK_SNP_TCB_QUERY]);

/* "ARK", "ASK", "ASVK". */
const char *lk_snp_role_name(enum lk_snp_role role);
/* "VCEK", "VLEK". */
const char *lk_snp_kind_name(enum lk_snp_kind kind);

#endif
