/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_CLAIMS_H
#define LK_DCAP_CLAIMS_H
/*
 * The claims, one line each:
 * CLAIM(ID, "name", KIND, safe default, REFUSAL, words, flags, "documentation").
 * LK_DCAP_CLAIMS stand first in both families, so that one function fills them.
 *
 * Why these defaults. NULL, so that a document must speak: what runs (MRTD and RTMR0 to 2; MRENCLAVE). "UpToDate": Intel knows
 * no flaw of the platform. "deny": the host can read the TD or enclave (debug) or may move it to where another TD
 * decides (migratable, service-td). "required" for SEPT_VE_DISABLE: without it the host can raise #VE in the guest at will.
 * "0" for bits that nobody named. "skip": what identifies or informs.
 */
#include "policy/evidence/dcap/item.h"

#define LK_DCAP_CLAIMS(CLAIM)                                                                                              \
    CLAIM(TCB_STATUS, "tcb-status", WORD, "UpToDate", DCAP_TCB_STATUS, lk_tcb_status_words, 0,                             \
          "status of the platform, its TDX module and quoting enclave together, by Intel's rule")                          \
    CLAIM(TCB_PLATFORM, "tcb-status-platform", WORD, "skip", DCAP_TCB_STATUS, lk_tcb_status_words, 0,                      \
          "tcbStatus of the platform's level")                                                                             \
    CLAIM(TCB_MODULE, "tcb-status-module", WORD, "skip", DCAP_TCB_STATUS, lk_tcb_status_words, 0,                          \
          "tcbStatus of the TDX module's level; absent before TDX 1.5 and for SGX")                                        \
    CLAIM(TCB_QE, "tcb-status-qe", WORD, "skip", DCAP_TCB_STATUS, lk_tcb_status_words, 0,                                  \
          "tcbStatus of the quoting enclave's level")                                                                      \
    CLAIM(TCB_CURRENT, "tcb-status-current", WORD, "skip", DCAP_TCB_STATUS, lk_tcb_status_words, 0,                        \
          "the status by TEE_TCB_SVN_2: what runs now, if the module was updated under the TD; absent in older bodies")    \
    CLAIM(TCB_SHORTFALL, "tcb-shortfall", TEXT, "skip", DCAP_TCB_STATUS, NULL, 0,                                          \
          "components below the highest levels, as sgx 7: 3 < 5; none when there is none")                                 \
    CLAIM(TCB_DATE, "tcb-date", UINT, "skip", DCAP_TCB_DATE, NULL, 0,                                                      \
          "earliest tcbDate of the levels matched, as the number 20240313")                                                \
    CLAIM(TCB_AGE, "tcb-age-days", UINT, "skip", DCAP_TCB_DATE, NULL, 0,                                                   \
          "whole days from that date to the appraisal")                                                                    \
    CLAIM(ADVISORIES, "advisories", WORDS, "skip", DCAP_ADVISORIES, NULL, 0,                                               \
          "advisoryIDs of the levels matched: Intel's notices of flaws that the platform has")                             \
    CLAIM(EVALUATION, "evaluation-number", UINT, "skip", DCAP_EVALUATION, NULL, 0,                                         \
          "the lower tcbEvaluationDataNumber of TCB Info and QE Identity")                                                 \
    CLAIM(PCK_CA, "pck-ca", WORD, "skip", DCAP_PLATFORM, lk_dcap_ca_words, 0, "CA of the PCK certificate")                 \
    CLAIM(FMSPC, "fmspc", BYTES, "skip", DCAP_PLATFORM, NULL, 0, "FMSPC: family, model and stepping of the platform")      \
    CLAIM(PCE_ID, "pce-id", BYTES, "skip", DCAP_PLATFORM, NULL, 0, "PCE-ID")                                               \
    CLAIM(PCE_SVN, "pce-svn", UINT, "skip", DCAP_PLATFORM, NULL, 0, "PCESVN of the PCK certificate")                       \
    CLAIM(CPU_SVN, "cpu-svn", BYTES, "skip", DCAP_PLATFORM, NULL, 0, "CPUSVN of the PCK certificate")                      \
    CLAIM(PPID, "ppid", BYTES, "skip", DCAP_PLATFORM, NULL, LK_CLAIM_PLACEHOLDER | LK_CLAIM_MACHINE,                       \
          "PPID: names the processor")                                                                                     \
    CLAIM(INSTANCE, "platform-instance-id", BYTES, "skip", DCAP_PLATFORM, NULL, LK_CLAIM_PLACEHOLDER | LK_CLAIM_MACHINE,   \
          "Platform Instance ID; absent from certificates of the Processor CA")                                            \
    CLAIM(SGX_TYPE, "sgx-type", UINT, "skip", DCAP_PLATFORM, NULL, 0,                                                      \
          "SGX Type: 0 standard, 1 scalable, 2 scalable with integrity")                                                   \
    CLAIM(DYNAMIC, "dynamic-platform", BOOL, "skip", DCAP_PLATFORM, NULL, 0,                                               \
          "packages may be added to the platform; absent from certificates of the Processor CA")                           \
    CLAIM(CACHED_KEYS, "cached-keys", BOOL, "skip", DCAP_PLATFORM, NULL, 0,                                                \
          "Intel's registration service keeps the platform's root keys; absent as above")                                  \
    CLAIM(SMT, "smt", BOOL, "skip", DCAP_PLATFORM, NULL, 0, "SMT was enabled at registration; absent as above")            \
    CLAIM(QE_SVN, "qe-svn", UINT, "skip", DCAP_QE, NULL, 0, "ISVSVN of the quoting enclave")                               \
    CLAIM(QE_ENCLAVE, "qe-mrenclave", BYTES, "skip", DCAP_QE, NULL, 0, "MRENCLAVE of the quoting enclave")                 \
    CLAIM(QE_USER_DATA, "qe-user-data", BYTES, "skip", DCAP_QE, NULL, 0,                                                   \
          "user data of the quote's header: an id that the host's quoting enclave gives itself")                           \
    CLAIM(QUOTE_VERSION, "quote-version", UINT, "skip", DCAP_QE, NULL, 0, "version of the quote, 3 to 5")

#define LK_TDX_CLAIMS(CLAIM)                                                                                               \
    CLAIM(MRTD, "mrtd", BYTES, NULL, TDX_MRTD, NULL, LK_CLAIM_PIN | LK_CLAIM_PLACEHOLDER,                                  \
          "MRTD: SHA-384 of the TD's initial content, its firmware")                                                       \
    CLAIM(RTMR0, "rtmr0", BYTES, NULL, TDX_RTMR, NULL, 0, "RTMR0: firmware configuration")                                 \
    CLAIM(RTMR1, "rtmr1", BYTES, NULL, TDX_RTMR, NULL, 0, "RTMR1: boot loader and kernel")                                 \
    CLAIM(RTMR2, "rtmr2", BYTES, NULL, TDX_RTMR, NULL, 0, "RTMR2: command line and initrd")                                \
    CLAIM(RTMR3, "rtmr3", BYTES, "skip", TDX_RTMR, NULL, 0, "RTMR3: the guest's own, at run time")                         \
    CLAIM(REPORT_DATA, "report-data", BYTES, "skip", TDX_REPORT_DATA, NULL, 0,                                             \
          "REPORTDATA: all 64 bytes that the guest chose; the binding is checked without a rule")                          \
    CLAIM(CONFIG_ID, "mr-config-id", BYTES, "skip", TDX_CONFIG_ID, NULL, 0,                                                \
          "MRCONFIGID: 48 bytes that the host chose at launch, not the owner's")                                           \
    CLAIM(OWNER, "mr-owner", BYTES, "skip", TDX_OWNER, NULL, 0, "MROWNER: the owner, as the host gave it at launch")       \
    CLAIM(OWNER_CONFIG, "mr-owner-config", BYTES, "skip", TDX_OWNER_CONFIG, NULL, 0,                                       \
          "MROWNERCONFIG: the owner's configuration, as the host gave it at launch")                                       \
    CLAIM(DEBUG, "debug", BOOL, "deny", TDX_DEBUG, NULL, 0, "ATTRIBUTES.DEBUG: the host may debug")                        \
    CLAIM(SEPT_VE, "sept-ve-disable", BOOL, "required", TDX_SEPT_VE_DISABLE, NULL, 0,                                      \
          "ATTRIBUTES.SEPT_VE_DISABLE: no #VE for pages that the host took away")                                          \
    CLAIM(MIGRATABLE, "migratable", BOOL, "deny", TDX_MIGRATABLE, NULL, 0,                                                 \
          "ATTRIBUTES.MIGRATABLE: a migration TD may move the TD")                                                         \
    CLAIM(PKS, "pks", BOOL, "skip", TDX_ATTRIBUTES, NULL, 0, "ATTRIBUTES.PKS: supervisor protection keys")                 \
    CLAIM(KL, "kl", BOOL, "skip", TDX_ATTRIBUTES, NULL, 0, "ATTRIBUTES.KL: key locker")                                    \
    CLAIM(PERFMON, "perfmon", BOOL, "skip", TDX_ATTRIBUTES, NULL, 0, "ATTRIBUTES.PERFMON: performance monitoring")         \
    CLAIM(UNKNOWN, "attributes-unknown", UINT, "0", TDX_ATTRIBUTES, NULL, 0, "the other bits of ATTRIBUTES")               \
    CLAIM(XFAM, "xfam", UINT, "skip", TDX_XFAM, NULL, 0, "XFAM: extended features that the TD may use")                    \
    CLAIM(SERVICE_TD, "service-td", BOOL, "deny", TDX_SERVICE_TD, NULL, 0,                                                 \
          "MRSERVICETD is not zero: a service TD is bound; bodies of TDX 1.0 cannot tell and count as none")               \
    CLAIM(MR_SERVICE_TD, "mr-service-td", BYTES, "skip", TDX_SERVICE_TD, NULL, 0,                                          \
          "MRSERVICETD: hash of the bound service TDs; absent in TDX 1.0")                                                 \
    CLAIM(MRSEAM, "mrseam", BYTES, "skip", TDX_MRSEAM, NULL, 0, "MRSEAM: measurement of the TDX module at launch")         \
    CLAIM(MRSIGNERSEAM, "mrsigner-seam", BYTES, "skip", TDX_MRSIGNERSEAM, NULL, 0,                                         \
          "MRSIGNERSEAM: signer of the TDX module, zero for Intel; equal to the TCB Info's")                               \
    CLAIM(SEAM_ATTRIBUTES, "seam-attributes", UINT, "0", TDX_MRSIGNERSEAM, NULL, 0, "SEAMATTRIBUTES; always zero")         \
    CLAIM(TEE_TCB_SVN, "tee-tcb-svn", BYTES, "skip", TDX_TEE_TCB_SVN, NULL, 0, "TEE_TCB_SVN: TDX TCB at launch")           \
    CLAIM(TEE_TCB_SVN2, "tee-tcb-svn2", BYTES, "skip", TDX_TEE_TCB_SVN, NULL, 0,                                           \
          "TEE_TCB_SVN_2: TDX TCB that runs now; absent in TDX 1.0")                                                       \
    CLAIM(BODY_TYPE, "body-type", UINT, "skip", TDX_BODY, NULL, 0, "2: TDX 1.0, 3: TDX 1.5, 4: TDX 1.5 extended")          \
    CLAIM(VMID, "vmid", UINT, "skip", TDX_BODY, NULL, 0, "VM index in a partitioned TD; body type 4 only, as all below")   \
    CLAIM(TD_ID, "td-id", BYTES, "skip", TDX_BODY, NULL, 0, "TD identifier")                                               \
    CLAIM(DEV_INFO, "dev-info", BYTES, "skip", TDX_BODY, NULL, 0, "hash of the devices' information")                      \
    CLAIM(INIT_SERVICE, "init-service-td-hash", BYTES, "skip", TDX_SERVICE_TD, NULL, 0, "service TDs bound at launch")     \
    CLAIM(INIT_SERVICE_ATTRIBUTES, "init-service-td-attributes", UINT, "skip", TDX_SERVICE_TD, NULL, 0,                    \
          "their attributes")                                                                                              \
    CLAIM(INIT_CPU_SVN, "init-cpu-svn", BYTES, "skip", TDX_BODY, NULL, 0, "CPUSVN where the TD was launched")              \
    CLAIM(INIT_TEE_TCB_SVN, "init-tee-tcb-svn", BYTES, "skip", TDX_BODY, NULL, 0, "TDX TCB where the TD was launched")     \
    CLAIM(INIT_FMSPC, "init-tee-fmspc", BYTES, "skip", TDX_BODY, NULL, 0, "FMSPC field of the platform of launch")         \
    CLAIM(CURRENT_SERVICE, "current-service-td-hash", BYTES, "skip", TDX_SERVICE_TD, NULL, 0, "service TDs bound now")     \
    CLAIM(CURRENT_SERVICE_ATTRIBUTES, "current-service-td-attributes", UINT, "skip", TDX_SERVICE_TD, NULL, 0,              \
          "their attributes")

#define LK_SGX_CLAIMS(CLAIM)                                                                                               \
    CLAIM(MRENCLAVE, "mrenclave", BYTES, NULL, SGX_MRENCLAVE, NULL, LK_CLAIM_PIN | LK_CLAIM_PLACEHOLDER,                   \
          "MRENCLAVE: SHA-256 of the enclave's initial content; skip it where mrsigner, product id and SVN are the rule") \
    CLAIM(MRSIGNER, "mrsigner", BYTES, "skip", SGX_MRSIGNER, NULL, LK_CLAIM_PLACEHOLDER,                                   \
          "MRSIGNER: SHA-256 of the key that signed the enclave")                                                          \
    CLAIM(PROD_ID, "isv-prod-id", UINT, "skip", SGX_PRODUCT, NULL, 0, "ISVPRODID: the signer's product")                   \
    CLAIM(SVN, "isv-svn", UINT, "skip", SGX_SVN, NULL, 0, "ISVSVN: security version of the product")                       \
    CLAIM(REPORT_DATA, "report-data", BYTES, "skip", SGX_REPORT_DATA, NULL, 0,                                             \
          "REPORTDATA: all 64 bytes that the enclave chose; the binding is checked without a rule")                        \
    CLAIM(DEBUG, "debug", BOOL, "deny", SGX_DEBUG, NULL, 0, "ATTRIBUTES.DEBUG: the host may debug")                        \
    CLAIM(MODE64, "mode64bit", BOOL, "skip", SGX_ATTRIBUTES, NULL, 0, "ATTRIBUTES.MODE64BIT")                              \
    CLAIM(PROVISION_KEY, "provision-key", BOOL, "skip", SGX_ATTRIBUTES, NULL, 0, "ATTRIBUTES.PROVISIONKEY")                \
    CLAIM(EINITTOKEN_KEY, "einittoken-key", BOOL, "skip", SGX_ATTRIBUTES, NULL, 0, "ATTRIBUTES.EINITTOKEN_KEY")            \
    CLAIM(KSS, "kss", BOOL, "skip", SGX_ATTRIBUTES, NULL, 0, "ATTRIBUTES.KSS: key separation and sharing")                 \
    CLAIM(FLAGS, "attributes", UINT, "skip", SGX_ATTRIBUTES, NULL, 0, "ATTRIBUTES, the first eight bytes")                 \
    CLAIM(XFRM, "xfrm", UINT, "skip", SGX_ATTRIBUTES, NULL, 0, "XFRM: extended features that the enclave may use")         \
    CLAIM(MISC_SELECT, "misc-select", UINT, "skip", SGX_ATTRIBUTES, NULL, 0, "MISCSELECT")                                 \
    CLAIM(REPORT_CPU_SVN, "report-cpu-svn", BYTES, "skip", SGX_ATTRIBUTES, NULL, 0, "CPUSVN of the enclave's report")      \
    CLAIM(CONFIG_ID, "config-id", BYTES, "skip", SGX_CONFIG, NULL, 0, "CONFIGID: 64 bytes given at the enclave's launch")  \
    CLAIM(CONFIG_SVN, "config-svn", UINT, "skip", SGX_CONFIG, NULL, 0, "CONFIGSVN")                                        \
    CLAIM(EXT_PROD_ID, "isv-ext-prod-id", BYTES, "skip", SGX_PRODUCT, NULL, 0, "ISVEXTPRODID")                             \
    CLAIM(FAMILY_ID, "isv-family-id", BYTES, "skip", SGX_PRODUCT, NULL, 0, "ISVFAMILYID")

enum lk_dcap_claim_id {
#define LK_DCAP_CLAIM_ID(id, ...) LK_DCAP_CLAIM_##id,
    LK_DCAP_CLAIMS(LK_DCAP_CLAIM_ID)
#undef LK_DCAP_CLAIM_ID
    LK_DCAP_N_CLAIMS
};

enum lk_tdx_claim_id {
    LK_TDX_CLAIM_FIRST = LK_DCAP_N_CLAIMS - 1,
#define LK_TDX_CLAIM_ID(id, ...) LK_TDX_CLAIM_##id,
    LK_TDX_CLAIMS(LK_TDX_CLAIM_ID)
#undef LK_TDX_CLAIM_ID
    LK_TDX_N_CLAIMS
};

enum lk_sgx_claim_id {
    LK_SGX_CLAIM_FIRST = LK_DCAP_N_CLAIMS - 1,
#define LK_SGX_CLAIM_ID(id, ...) LK_SGX_CLAIM_##id,
    LK_SGX_CLAIMS(LK_SGX_CLAIM_ID)
#undef LK_SGX_CLAIM_ID
    LK_SGX_N_CLAIMS
};

extern const char *const lk_dcap_ca_words[]; /* "processor", "platform" */

/* Fills the values of LK_DCAP_CLAIMS. */
void lk_dcap_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v);

/* Values of each kind; an absent run stays absent. */
static inline void lk_dcap_put_flag(struct lk_value *v, bool value)
{
    *v = (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = value};
}

static inline void lk_dcap_put_uint(struct lk_value *v, uint64_t value)
{
    *v = (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = value};
}

static inline void lk_dcap_put_bytes(struct lk_value *v, struct lk_bytes value)
{
    if (value.data != NULL)
        *v = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = value};
}

#define LK_DCAP_CLAIM_ROW(id, name, kind, safe, refusal, words, flags, doc) \
    {name, LK_KIND_##kind, safe, LK_R_##refusal, doc, words, flags},

#endif
