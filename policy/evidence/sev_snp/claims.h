/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_CLAIMS_H
#define LK_SEV_SNP_CLAIMS_H
/*
 * The claims, one line each:
 * CLAIM(ID, "name", KIND, safe default, REFUSAL, words, flags, "documentation").
 *
 * Why these defaults. "deny": the host could read the guest (debug), move it to where its agent decides (migrate-ma),
 * put its memory outside the SoC (cxl), or the check of the chip's identity would be void (the masks). "0" for
 * VMPL: a less privileged level lies below software that the measurement does not speak for. NULL, so that a document
 * must speak: what runs (measurement), the least firmware (reported-tcb: AMD publishes no list, so only the
 * admin can say), and the check against aliased memory, which older firmware cannot answer. "skip": what identifies
 * or informs, and what only some platforms have.
 */
#define LK_SNP_CLAIMS(CLAIM)                                                                                              \
    CLAIM(VERSION, "version", UINT, "skip", SNP_POLICY_VERSION, NULL, 0, "VERSION: layout of the report, 2 to 5")         \
    CLAIM(PRODUCT, "product", WORD, "skip", SNP_POLICY_PRODUCT, product_words, 0,                                         \
          "product line, as the issuer of the VCEK or VLEK, its productName and (version 3 and later) CPUID_FAM_ID and " \
          "CPUID_MOD_ID agree")                                                                                           \
    CLAIM(SIGNING_KEY, "signing-key", WORD, "skip", SNP_POLICY_SIGNING_KEY, key_words, 0,                                 \
          "SIGNING_KEY: the chip's own VCEK, or the VLEK that AMD gave a cloud provider")                                 \
    CLAIM(VMPL, "vmpl", UINT, "0", SNP_VMPL, NULL, 0,                                                                     \
          "VMPL that asked for the report, 0 the most privileged; 4294967295 when the host asked")                        \
    CLAIM(MEASUREMENT, "measurement", BYTES, NULL, SNP_MEASUREMENT, NULL, LK_CLAIM_PIN | LK_CLAIM_PLACEHOLDER,            \
          "MEASUREMENT: SHA-384 launch digest of the guest's initial memory and VMSAs")                                   \
    CLAIM(HOST_DATA, "host-data", BYTES, "skip", SNP_HOST_DATA, NULL, 0, "HOST_DATA: 32 bytes that the host chose at launch") \
    CLAIM(REPORT_DATA, "report-data", BYTES, "skip", SNP_REPORT_DATA, NULL, 0,                                            \
          "REPORT_DATA: all 64 bytes that the guest chose; the binding is checked without a rule")                        \
    CLAIM(GUEST_SVN, "guest-svn", UINT, "skip", SNP_POLICY_GUEST_SVN, NULL, 0, "GUEST_SVN: security version from the ID block") \
    CLAIM(FAMILY_ID, "family-id", BYTES, "skip", SNP_FAMILY_ID, NULL, 0, "FAMILY_ID: 16 bytes from the ID block")         \
    CLAIM(IMAGE_ID, "image-id", BYTES, "skip", SNP_IMAGE_ID, NULL, 0, "IMAGE_ID: 16 bytes from the ID block")             \
    CLAIM(ID_KEY, "id-key-digest", BYTES, "skip", SNP_ID_KEY, NULL, LK_CLAIM_PIN,                                         \
          "ID_KEY_DIGEST: SHA-384 of the key that signed the ID block; absent without one")                               \
    CLAIM(AUTHOR_KEY, "author-key-digest", BYTES, "skip", SNP_AUTHOR_KEY, NULL, LK_CLAIM_PIN,                             \
          "AUTHOR_KEY_DIGEST: SHA-384 of the key that signed the ID key; absent unless AUTHOR_KEY_EN")                    \
    CLAIM(AUTHOR_KEY_EN, "author-key", BOOL, "skip", SNP_AUTHOR_KEY_ABSENT, NULL, 0, "AUTHOR_KEY_EN: an author key was used") \
    CLAIM(REPORT_ID, "report-id", BYTES, "skip", SNP_REPORT_ID, NULL, 0, "REPORT_ID: 32 bytes, new at each launch")       \
    CLAIM(REPORT_ID_MA, "report-id-ma", BYTES, "skip", SNP_REPORT_ID_MA, NULL, 0,                                         \
          "REPORT_ID_MA: the migration agent's report id, all ff without one")                                            \
    CLAIM(CHIP_ID, "chip-id", BYTES, "skip", SNP_CHIP_ID, NULL, LK_CLAIM_PLACEHOLDER | LK_CLAIM_MACHINE,                  \
          "CHIP_ID: 64 bytes (Turin: 8), equal to hwID of the VCEK; absent when masked")                                  \
    CLAIM(CSP_ID, "csp-id", TEXT, "skip", SNP_CSP_ID, NULL, 0, "cspID of the VLEK; absent with a VCEK")                   \
    CLAIM(CHIP_ID_MASKED, "chip-id-masked", BOOL, "deny", SNP_CHIP_ID_MASKED, NULL, 0,                                    \
          "CHIP_ID is zero although a VCEK signed, so that hwID could not be compared")                                   \
    CLAIM(MASK_CHIP_KEY, "mask-chip-key", BOOL, "deny", SNP_MASK_CHIP_KEY, NULL, 0, "MASK_CHIP_KEY of KEY_INFO")          \
    CLAIM(CRL, "crl", BOOL, "skip", CRL_MISSING, NULL, 0,                                                                 \
          "AMD's revocation list was at hand, in force and clean; one that is at hand and bad always fails")              \
    CLAIM(ABI, "policy-abi", UINT, "skip", SNP_POLICY_ABI, NULL, 0,                                                       \
          "POLICY.ABI_MAJOR * 256 + ABI_MINOR: least firmware ABI that the guest demands")                                \
    CLAIM(SMT, "smt", BOOL, "skip", SNP_POLICY_SMT, NULL, 0, "POLICY.SMT: the guest may run on hosts with SMT (permission)") \
    CLAIM(MIGRATE_MA, "migrate-ma", BOOL, "deny", SNP_POLICY_MIGRATE, NULL, 0,                                            \
          "POLICY.MIGRATE_MA: a migration agent may be bound (permission)")                                               \
    CLAIM(DEBUG, "debug", BOOL, "deny", SNP_POLICY_DEBUG, NULL, 0, "POLICY.DEBUG: the host may debug (permission)")       \
    CLAIM(SINGLE_SOCKET, "single-socket", BOOL, "skip", SNP_POLICY_SINGLE_SOCKET, NULL, 0,                                \
          "POLICY.SINGLE_SOCKET: one socket only (requirement)")                                                          \
    CLAIM(CXL, "cxl", BOOL, "deny", SNP_POLICY_CXL, NULL, 0, "POLICY.CXL_ALLOW: CXL devices or memory (permission)")      \
    CLAIM(XTS, "mem-aes-256-xts", BOOL, "skip", SNP_POLICY_XTS, NULL, 0, "POLICY.MEM_AES_256_XTS (requirement)")          \
    CLAIM(RAPL, "rapl-dis", BOOL, "skip", SNP_POLICY_RAPL, NULL, 0, "POLICY.RAPL_DIS (requirement)")                      \
    CLAIM(CIPHERTEXT_HIDING, "ciphertext-hiding", BOOL, "skip", SNP_POLICY_CIPHERTEXT_HIDING, NULL, 0,                    \
          "POLICY.CIPHERTEXT_HIDING_DRAM (requirement)")                                                                  \
    CLAIM(PAGE_SWAP, "page-swap-disable", BOOL, "skip", SNP_POLICY_PAGE_SWAP, NULL, 0,                                    \
          "POLICY.PAGE_SWAP_DISABLE (requirement)")                                                                       \
    CLAIM(P_SMT, "platform-smt", BOOL, "skip", SNP_PLATFORM_SMT, NULL, 0, "PLATFORM_INFO.SMT_EN (permission)")            \
    CLAIM(P_TSME, "platform-tsme", BOOL, "skip", SNP_PLATFORM_TSME, NULL, 0, "PLATFORM_INFO.TSME_EN (permission)")        \
    CLAIM(P_ECC, "platform-ecc", BOOL, "skip", SNP_PLATFORM_ECC, NULL, 0, "PLATFORM_INFO.ECC_EN (requirement)")           \
    CLAIM(P_RAPL, "platform-rapl-dis", BOOL, "skip", SNP_PLATFORM_RAPL, NULL, 0, "PLATFORM_INFO.RAPL_DIS (requirement)")  \
    CLAIM(P_CIPHERTEXT_HIDING, "platform-ciphertext-hiding", BOOL, "skip", SNP_PLATFORM_CIPHERTEXT_HIDING, NULL, 0,       \
          "PLATFORM_INFO.CIPHERTEXT_HIDING_DRAM_EN (requirement)")                                                        \
    CLAIM(P_ALIAS, "platform-alias-check", BOOL, NULL, SNP_PLATFORM_ALIAS_CHECK, NULL, 0,                                 \
          "PLATFORM_INFO.ALIAS_CHECK_COMPLETE: memory was checked for aliases at boot (requirement; AMD-SB-3015)")        \
    CLAIM(P_IOMMU, "platform-iommu-write-safe", BOOL, "skip", SNP_PLATFORM_IOMMU, NULL, 0,                                \
          "bit 6 of PLATFORM_INFO, set by Turin's firmware")                                                              \
    CLAIM(P_TIO, "platform-tio", BOOL, "skip", SNP_PLATFORM_TIO, NULL, 0, "PLATFORM_INFO.TIO_EN: trusted I/O (permission)") \
    CLAIM(P_UNKNOWN, "platform-unknown", UINT, "0", SNP_PLATFORM_UNKNOWN, NULL, 0,                                        \
          "bits 8 to 63 of PLATFORM_INFO, which no published firmware sets")                                              \
    CLAIM(REPORTED_TCB, "reported-tcb", VECTOR, NULL, SNP_REPORTED_TCB, tcb_words, 0,                                     \
          "REPORTED_TCB: the TCB that the VCEK or VLEK certifies; compare by component")                                  \
    CLAIM(COMMITTED_TCB, "committed-tcb", VECTOR, "skip", SNP_COMMITTED_TCB, tcb_words, 0,                                \
          "COMMITTED_TCB: the host cannot go back below it")                                                              \
    CLAIM(CURRENT_TCB, "current-tcb", VECTOR, "skip", SNP_CURRENT_TCB, tcb_words, 0, "CURRENT_TCB: what runs")            \
    CLAIM(LAUNCH_TCB, "launch-tcb", VECTOR, "skip", SNP_LAUNCH_TCB, tcb_words, 0,                                         \
          "LAUNCH_TCB: what ran when the guest was launched")                                                             \
    CLAIM(TCB_ORDER, "tcb-consistent", BOOL, "required", SNP_TCB_ORDER, NULL, 0,                                          \
          "neither REPORTED_TCB nor COMMITTED_TCB is above CURRENT_TCB in any component")                                 \
    CLAIM(PROVISIONAL, "provisional-firmware", BOOL, "skip", SNP_PROVISIONAL, NULL, 0,                                    \
          "COMMITTED_TCB or the committed firmware differs from what runs; usual for a while on healthy hosts")           \
    CLAIM(CURRENT_FIRMWARE, "current-firmware", UINT, "skip", SNP_CURRENT_FIRMWARE, NULL, 0,                              \
          "CURRENT_MAJOR * 65536 + CURRENT_MINOR * 256 + CURRENT_BUILD")                                                  \
    CLAIM(COMMITTED_FIRMWARE, "committed-firmware", UINT, "skip", SNP_COMMITTED_FIRMWARE, NULL, 0,                        \
          "COMMITTED_MAJOR * 65536 + COMMITTED_MINOR * 256 + COMMITTED_BUILD")                                            \
    CLAIM(LAUNCH_MIT, "launch-mitigations", UINT, "skip", SNP_LAUNCH_MITIGATION, NULL, 0,                                 \
          "LAUNCH_MIT_VECTOR; 0 below version 5, so that a demanded mask fails")                                          \
    CLAIM(CURRENT_MIT, "current-mitigations", UINT, "skip", SNP_CURRENT_MITIGATION, NULL, 0,                              \
          "CURRENT_MIT_VECTOR; 0 below version 5, so that a demanded mask fails")                                         \
    CLAIM(CPU_FAMILY, "cpu-family", UINT, "skip", SNP_CPUID, NULL, 0, "CPUID_FAM_ID; absent in version 2")                \
    CLAIM(CPU_MODEL, "cpu-model", UINT, "skip", SNP_CPUID, NULL, 0, "CPUID_MOD_ID; absent in version 2")                  \
    CLAIM(CPU_STEPPING, "cpu-stepping", UINT, "skip", SNP_CPUID, NULL, 0, "CPUID_STEP; absent in version 2")

enum lk_snp_claim_id {
#define LK_SNP_CLAIM_ID(id, ...) LK_SNP_CLAIM_##id,
    LK_SNP_CLAIMS(LK_SNP_CLAIM_ID)
#undef LK_SNP_CLAIM_ID
    LK_SNP_N_CLAIMS
};

#endif
