/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_AUTHENTICODE_H
#define LK_CLI_AUTHENTICODE_H
/*
 * The digest by which firmware knows an EFI application: what it measures into PCR 4 and what a Secure Boot
 * signature is over ("Windows Authenticode Portable Executable Signature Format", Calculating the PE Image Hash).
 * The checksum, the signatures and the directory entry that points at them are left out, so a signed file and the
 * unsigned one have the same digest.
 */
#include "proto/tpm/algs.h"

#define LK_PE_SECTIONS_MAX 96 /* what loaders take */

/*
 * image: the whole file, PE32 or PE32+. out gets hash->size bytes. BOOT_IMAGE when it is no PE file, or one whose
 * headers, sections or certificate table lie outside of it; CRYPTO.
 */
LK_MUST_USE lk_result lk_authenticode(struct lk_bytes image, const struct lk_tpm_hash *hash, uint8_t out[static LK_TPM_DIGEST_MAX]);

#endif
