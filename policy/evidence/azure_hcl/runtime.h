/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AZURE_HCL_RUNTIME_H
#define LK_AZURE_HCL_RUNTIME_H
/*
 * Runtime data of an HCL report: JSON (RFC 8259) with the virtual TPM's keys as JWKs (RFC 7517, RFC 7518 section 6.3) and
 * the VM's configuration.
 */
#include "proto/base/json.h"
#include "proto/base/result.h"
#include "proto/tpm/public.h"

#define LK_HCL_KEYS_MAX 8

struct lk_hcl_runtime {
    struct lk_tpm_public ak; /* type, modulus and exponent of HCLAkPub; a JWK says nothing of attributes */
    uint8_t secure_boot, tpm_enabled, tpm_persisted, console; /* enum lk_json_flag */
    struct lk_bytes vm_unique_id;         /* a GUID as text */
    struct lk_bytes root_cert_thumbprint; /* absent in older reports */
    struct lk_bytes user_data;            /* 64 bytes; absent in older reports */
};

/*
 * Reads all of the text; runs borrow from it or are in the arena. AZURE_RUNTIME when it is no such JSON, AZURE_AK_MISSING
 * unless exactly one key is HCLAkPub and an RSA key of 2048, 3072 or 4096 bits with exponent 65537.
 */
LK_MUST_USE lk_result lk_hcl_runtime_read(struct lk_bytes text, struct lk_arena *arena, struct lk_hcl_runtime *out);

#endif
