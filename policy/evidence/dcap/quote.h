/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_QUOTE_H
#define LK_DCAP_QUOTE_H
/*
 * Quotes of Intel's quoting enclaves: version 3 (SGX), 4 and 5 (SGX and TDX), with ECDSA P-256 attestation
 * keys. Every integer is little-endian. Sources: "Intel SGX ECDSA QuoteLibraryReference" (version 3, appendix A),
 * "Intel TDX DCAP Quoting Library API" (versions 4 and 5, appendix A), "Intel TDX Module ABI" (TDREPORT).
 */
#include "policy/evidence/dcap/say.h"
#include "proto/base/bytes.h"

#define LK_QUOTE_MAX 65536 /* bytes of a part; configfs-tsm gives 8000 */
#define LK_TEE_SGX 0u
#define LK_TEE_TDX 0x81u

enum lk_quote_body_type { LK_BODY_SGX = 1, LK_BODY_TD10 = 2, LK_BODY_TD15 = 3, LK_BODY_TD15EX = 4 };

/* Type of the certification data that end a quote. */
enum lk_certification {
    LK_CERTIFICATION_PPID = 1,
    LK_CERTIFICATION_PPID_RSA2048 = 2,
    LK_CERTIFICATION_PPID_RSA3072 = 3,
    LK_CERTIFICATION_PCK = 4,
    LK_CERTIFICATION_PCK_CHAIN = 5,
    LK_CERTIFICATION_QE_REPORT = 6, /* outer, versions 4 and 5 */
};

/* Report body of an enclave, 384 bytes. Runs borrow from the quote. */
struct lk_sgx_body {
    struct lk_bytes cpu_svn, isv_ext_prod_id, attributes, mr_enclave, mr_signer, config_id, isv_family_id, report_data;
    uint32_t misc_select;
    uint16_t isv_prod_id, isv_svn, config_svn;
};

/* Report body of a trust domain, 584, 648 or 885 bytes. What an older body lacks is absent. */
struct lk_td_body {
    struct lk_bytes tee_tcb_svn, mr_seam, mr_signer_seam, mr_td, mr_config_id, mr_owner, mr_owner_config, rtmr[4];
    struct lk_bytes report_data;
    uint64_t seam_attributes, td_attributes, xfam;
    struct lk_bytes tee_tcb_svn2, mr_service_td; /* TDX 1.5 */
    uint8_t vmid;                                /* from here: 1.5Ex */
    struct lk_bytes td_id, dev_info, init_serv_td_hash, init_cpu_svn, init_tee_tcb_svn, init_tee_fmspc, cur_serv_td_hash;
    uint64_t init_serv_td_attributes, cur_serv_td_attributes;
};

struct lk_quote {
    uint16_t version;
    bool tdx;
    enum lk_quote_body_type body_type;
    struct lk_bytes user_data; /* 20 bytes, the QE's */
    struct lk_sgx_body sgx;
    struct lk_td_body td;
    struct lk_bytes signed_part, signature, attestation_key; /* signature r || s, key X || Y: 64 each */
    struct lk_bytes qe_report, qe_report_signature, qe_auth;
    struct lk_sgx_body qe;
    enum lk_certification certification; /* inner type, 1 to 5 */
    struct lk_bytes certification_data;
};

/* A report body of exactly 384 bytes. False when the length or a reserved byte is wrong. */
bool lk_sgx_body_read(struct lk_bytes in, struct lk_sgx_body *out);

/*
 * Reads a quote of one TEE type. All lengths are consumed exactly; after the signature data only zeros may follow.
 * DCAP_QUOTE_FORM, DCAP_VERSION, DCAP_KEY_TYPE, DCAP_TEE_TYPE, DCAP_QE_VENDOR, DCAP_BODY_TYPE, DCAP_RESERVED,
 * DCAP_CERTIFICATION, DCAP_TRAILING.
 */
LK_MUST_USE lk_result lk_quote_read(struct lk_bytes in, uint32_t tee, const struct lk_dcap_say *say,
                                    struct lk_quote *out);

#endif
