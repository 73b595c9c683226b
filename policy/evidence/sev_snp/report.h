/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_REPORT_H
#define LK_SEV_SNP_REPORT_H
/*
 * ATTESTATION_REPORT of AMD's SEV-SNP firmware ABI (publication 56860, table
 * ATTESTATION_REPORT): versions 2 to 5, 1184 bytes, every integer little-endian.
 */
#include "policy/evidence/sev_snp/product.h"
#include "proto/base/report.h"

#define LK_SNP_REPORT_SIZE 1184
#define LK_SNP_SIGNED_SIZE 0x2a0 /* the bytes that the signature covers */
#define LK_SNP_VMPL_HOST UINT32_MAX

/* Bits of POLICY. */
enum {
    LK_SNP_POLICY_SMT = 16,
    LK_SNP_POLICY_ONE = 17, /* reserved, must be one */
    LK_SNP_POLICY_MIGRATE_MA = 18,
    LK_SNP_POLICY_DEBUG = 19,
    LK_SNP_POLICY_SINGLE_SOCKET = 20,
    LK_SNP_POLICY_CXL_ALLOW = 21,
    LK_SNP_POLICY_MEM_AES_256_XTS = 22,
    LK_SNP_POLICY_RAPL_DIS = 23,
    LK_SNP_POLICY_CIPHERTEXT_HIDING = 24,
    LK_SNP_POLICY_PAGE_SWAP_DISABLE = 25,
    LK_SNP_POLICY_BITS = 26 /* the rest must be zero */
};

/* Bits of PLATFORM_INFO. */
enum {
    LK_SNP_PLATFORM_SMT = 0,
    LK_SNP_PLATFORM_TSME = 1,
    LK_SNP_PLATFORM_ECC = 2,
    LK_SNP_PLATFORM_RAPL_DIS = 3,
    LK_SNP_PLATFORM_CIPHERTEXT_HIDING = 4,
    LK_SNP_PLATFORM_ALIAS_CHECK = 5,
    LK_SNP_PLATFORM_IOMMU_WRITE_SAFE = 6,
    LK_SNP_PLATFORM_TIO = 7,
    LK_SNP_PLATFORM_BITS = 8
};

/* Runs borrow from the input. */
struct lk_snp_report {
    uint32_t version, guest_svn, vmpl;
    uint64_t policy, platform_info;
    bool author_key_en, mask_chip_key;
    enum lk_snp_kind signing_key;
    struct lk_bytes family_id, image_id;                             /* 16 each */
    struct lk_bytes report_data, measurement, host_data;             /* 64, 48, 32 */
    struct lk_bytes id_key_digest, author_key_digest;                /* 48 each */
    struct lk_bytes report_id, report_id_ma, chip_id;                /* 32, 32, 64 */
    struct lk_bytes current_tcb, reported_tcb, committed_tcb, launch_tcb; /* 8 each, as in the report */
    uint8_t cpu_family, cpu_model, cpu_stepping;                     /* zero in version 2 */
    const struct lk_snp_product *product;                            /* NULL in version 2 */
    uint32_t current_firmware, committed_firmware;                   /* major << 16 | minor << 8 | build */
    uint64_t launch_mitigations, current_mitigations;                /* zero below version 5 */
    struct lk_bytes signed_part;                                     /* LK_SNP_SIGNED_SIZE */
    uint8_t signature[96];                                           /* R || S, big-endian of 48 bytes each */
};

/*
 * Reads and checks the form: sizes, reserved bytes and values, the canonical form of the
 * signature. Findings go to report. SNP_SIZE, SNP_VERSION, SNP_SIGNATURE_ALGO, SNP_POLICY_RESERVED,
 * SNP_KEY_INFO_RESERVED, SNP_SIGNING_KEY_RESERVED, SNP_UNSIGNED, SNP_VMPL_RESERVED, SNP_RESERVED,
 * SNP_CPUID_RESERVED, SNP_MITIGATION_RESERVED, SNP_PRODUCT_UNKNOWN, SNP_TCB_RESERVED,
 * SNP_CHIP_ID_TAIL, SNP_SIGNATURE_FORM, SNP_SIGNATURE_RANGE, SNP_SIGNATURE_TAIL.
 */
LK_MUST_USE lk_result lk_snp_report_read(struct lk_bytes in, struct lk_report *report, struct lk_snp_report *out);

/*
 * The part of the form that depends on the product: reserved bytes of the four TCB versions, the
 * length of CHIP_ID. lk_snp_report_read calls it when the report itself names its product (version 3
 * and later); for version 2 the caller does, when the certificate has named it.
 */
LK_MUST_USE lk_result lk_snp_report_check_product(const struct lk_snp_report *r, const struct lk_snp_product *p,
                                                  struct lk_report *report);

#endif
