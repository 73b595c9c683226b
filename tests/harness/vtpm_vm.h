/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_VTPM_VM_H
#define LK_TEST_VTPM_VM_H
/*
 * A confidential VM with a virtual TPM whose keys its SNP report vouches for: report by the software secure processor,
 * quote by the software TPM, judged by the whole engine under a policy document. A test changes one thing between
 * vm_open and vm_judge. Programs run from the top of the source tree. Failures end the test program.
 */
#include "policy/chain/chain.h"
#include "tests/emulators/amd_sp/amd_sp.h"
#include "tests/emulators/tpm/softtpm.h"

#define VM_AT 1767225600 /* 2026-01-01 */
#define VM_ITEMS 4
#define VM_BLOBS 24

struct vm {
    struct amd_sp_report report; /* REPORT_DATA is the test's to fill in */
    EVP_PKEY *ak, *ek;           /* made once for the process: RSA-2048 */
    EVP_PKEY *other;             /* another machine's AK */
    uint8_t binding[64];
    bool any_binding;
    struct soft_public ak_area, ek_area;
    EVP_PKEY *signer;     /* of the quote; ak */
    struct soft_quote quote; /* carries the first half of the binding */
    uint8_t values[8 * 32];
    enum lk_activation activation;
    uint8_t context[32];
    /* What is judged. */
    struct lk_chain_item items[VM_ITEMS];
    size_t n_items;
    struct lk_buf blobs[VM_BLOBS]; /* the parts' bytes */
    size_t n_blobs;
    struct lk_arena *arena;
    struct lk_policyset *set;
    struct lk_trust *trust;
    struct lk_appraisal out;
};

void vm_open(struct vm *vm);
void vm_close(struct vm *vm);

/* An empty buffer that lives as long as the VM. */
struct lk_buf *vm_blob(struct vm *vm);

/* Appends an item without parts; sets a part of the last item. */
struct lk_chain_item *vm_item(struct vm *vm, const char *family);
void vm_part(struct vm *vm, const char *part, struct lk_bytes bytes);

/* Items sev-snp (the report is signed as it is now) and tpm (AK as TPMT_PUBLIC; no EK). */
void vm_add_snp(struct vm *vm);
void vm_add_quote(struct vm *vm);

/* Judges by this policy document: the code of the first finding, OK when affirmed. */
enum lk_reason_code vm_judge(struct vm *vm, const char *yaml);

#endif
