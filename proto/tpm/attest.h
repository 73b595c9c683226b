/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TPM_ATTEST_H
#define LK_TPM_ATTEST_H
/*
 * What a TPM signs, TPMS_ATTEST (TPM 2.0 Library Part 2, section 10.12.12), and how it signs,
 * TPMT_SIGNATURE (section 11.3.4). Nothing here is authenticated.
 */
#include "proto/tpm/algs.h"

#define LK_TPM_ATTEST_MAX 1024
#define LK_TPM_SIGNATURE_MAX 1024
#define LK_TPM_BANKS_MAX 4 /* as many hashes as algs.h has: none may come twice */
#define LK_TPM_PCRS 32 /* a bitmap of at most 4 bytes */

#define LK_TPM_MAGIC 0xff544347U /* TPM_GENERATED_VALUE */
#define LK_TPM_TYPE_QUOTE 0x8018

struct lk_tpm_bank {
    const struct lk_tpm_hash *hash;
    uint32_t pcrs; /* bit i: PCR i */
};

struct lk_tpm_attest {
    uint32_t magic;
    uint16_t type;
    struct lk_bytes qualified_signer; /* a name */
    struct lk_bytes extra_data;
    uint64_t clock; /* ms */
    uint32_t reset_count, restart_count;
    bool safe;
    uint64_t firmware_version;
    /* Of a quote; absent otherwise. */
    struct lk_tpm_bank banks[LK_TPM_BANKS_MAX];
    size_t n_banks;
    struct lk_bytes pcr_digest;
};

/*
 * Splits a TPMS_ATTEST. Magic and type are read, not judged: whoever checked the signature judges them.
 * The body is split only for magic ff544347 and type QUOTE. Borrows from input.
 * TPM_ATTEST; for the selection TPM_PCR_SELECTION (a bank twice, an unknown bank, a bitmap that is empty or
 * over 4 bytes, more than LK_TPM_BANKS_MAX banks).
 */
LK_MUST_USE lk_result lk_tpm_attest_parse(struct lk_bytes input, struct lk_tpm_attest *out);

/* Bytes of all PCR values that the selection names, one after another. */
size_t lk_tpm_values_len(const struct lk_tpm_attest *a);

/*
 * Calls fn for each selected PCR in the order in which pcrDigest covers them: banks as listed, indices rising;
 * offset is where its value begins in the run of all values.
 */
typedef void (*lk_tpm_pcr_fn)(void *arg, const struct lk_tpm_hash *bank, uint32_t index, size_t offset);
void lk_tpm_each_pcr(const struct lk_tpm_attest *a, lk_tpm_pcr_fn fn, void *arg);

struct lk_tpm_signature {
    uint16_t scheme, hash;
    struct lk_bytes rsa;  /* RSASSA, RSAPSS */
    struct lk_bytes r, s; /* ECDSA: at most 66 bytes each, short or padded with zeros */
};

/* TPM_SIGNATURE_FORMAT. Schemes other than RSASSA, RSAPSS and ECDSA are TPM_SCHEME. */
LK_MUST_USE lk_result lk_tpm_signature_parse(struct lk_bytes input, struct lk_tpm_signature *out);

/*
 * r || s, each of exactly field bytes, into out (2 * field bytes, at most 132). TPM_SIGNATURE_FORMAT when a
 * number does not fit.
 */
LK_MUST_USE lk_result lk_tpm_signature_pair(const struct lk_tpm_signature *sig, size_t field,
                                            uint8_t out[static 132]);

#endif
