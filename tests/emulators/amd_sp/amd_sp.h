/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AMD_SP_H
#define LK_AMD_SP_H
/*
 * A software AMD secure processor and key service for tests: a root of its own with
 * AMD's names, VCEKs and VLEKs, revocation lists, certificate tables and reports,
 * all fields free, so that every rule of the verifier can be broken alone. It
 * shares no code with the verifier. A failing library call ends the process.
 */
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum amd_sp_product { AMD_SP_MILAN, AMD_SP_GENOA, AMD_SP_TURIN };
enum amd_sp_key { AMD_SP_VCEK, AMD_SP_VLEK };

#define AMD_SP_DER_MAX 4096
#define AMD_SP_REPORT 1184

struct amd_sp_der {
    uint8_t data[AMD_SP_DER_MAX];
    size_t len;
};

/* --- certificates ------------------------------------------------------------------------------- */

enum amd_sp_signature { AMD_SP_PSS, AMD_SP_PSS_SHA256, AMD_SP_PSS_SALT_32, AMD_SP_PKCS1 };

struct amd_sp_extension {
    const char *oid;
    uint8_t value[130]; /* content of extnValue */
    size_t len;
    bool critical;
};

#define AMD_SP_EXTENSIONS 20

struct amd_sp_profile {
    char subject[32], issuer[32]; /* common names; the rest of the names is AMD's */
    long serial;
    int64_t not_before, not_after;
    const char *basic_constraints, *key_usage; /* as in OpenSSL's configuration; NULL: without */
    enum amd_sp_signature signature;
    struct amd_sp_extension ext[AMD_SP_EXTENSIONS];
    size_t n_ext;
};

/* A certificate for the public half of `key`, signed by `issuer`. */
void amd_sp_issue(const struct amd_sp_profile *p, EVP_PKEY *key, EVP_PKEY *issuer, struct amd_sp_der *out);

/* AMD's profiles, with AMD's serials; valid from 2020 to 2045. */
struct amd_sp_profile amd_sp_ark_profile(enum amd_sp_product product);
struct amd_sp_profile amd_sp_intermediate_profile(enum amd_sp_product product, enum amd_sp_key kind);

/*
 * A VCEK or VLEK of the TCB: eight bytes as in the report. chip_id: 64 bytes (Turin uses 8); csp: the VLEK's provider.
 */
struct amd_sp_profile amd_sp_vek_profile(enum amd_sp_product product, enum amd_sp_key kind, const uint8_t tcb[static 8],
                                         const uint8_t chip_id[static 64], const char *csp);

/* The extension of this OID suffix under 1.3.6.1.4.1.3704.1 ("3.8"); NULL without. */
struct amd_sp_extension *amd_sp_extension(struct amd_sp_profile *p, const char *suffix);
void amd_sp_extension_remove(struct amd_sp_profile *p, const char *suffix);
struct amd_sp_extension *amd_sp_extension_add(struct amd_sp_profile *p, const char *suffix, const void *value, size_t n);

struct amd_sp_crl {
    char issuer[32];
    int64_t this_update, next_update;
    long serials[4];
    size_t n_serials;
    enum amd_sp_signature signature;
};

void amd_sp_revoke(const struct amd_sp_crl *c, EVP_PKEY *issuer, struct amd_sp_der *out);

EVP_PKEY *amd_sp_rsa_key(void); /* RSA-4096: seconds */
EVP_PKEY *amd_sp_vek_key(void); /* P-384 */

const char *amd_sp_product_name(enum amd_sp_product product); /* "Milan" */

/* --- reports ------------------------------------------------------------------------------------- */

struct amd_sp_report {
    uint32_t version, guest_svn, vmpl, signature_algo, key_info;
    uint64_t policy, platform_info, launch_mitigations, current_mitigations;
    uint8_t family_id[16], image_id[16], report_data[64], measurement[48], host_data[32];
    uint8_t id_key_digest[48], author_key_digest[48], report_id[32], report_id_ma[32], chip_id[64];
    uint8_t current_tcb[8], reported_tcb[8], committed_tcb[8], launch_tcb[8];
    uint8_t cpuid[3];
    uint8_t current_firmware[3], committed_firmware[3]; /* build, minor, major */
};

/* A report that safe defaults accept: version 3 for Milan and Genoa, 5 for Turin. */
struct amd_sp_report amd_sp_report_default(enum amd_sp_product product);

/* The fields in their places, without a signature. */
void amd_sp_report_write(const struct amd_sp_report *r, uint8_t out[static AMD_SP_REPORT]);

/* Signs the first 672 bytes as they are, so that what was changed after writing is signed too. */
void amd_sp_report_sign(uint8_t report[static AMD_SP_REPORT], EVP_PKEY *vek);

/* --- certificate tables ---------------------------------------------------------------------------- */

struct amd_sp_blob {
    const char *guid; /* text form */
    const uint8_t *data;
    size_t len;
};

#define AMD_SP_GUID_VCEK "63da758d-e664-4564-adc5-f4b93be8accd"
#define AMD_SP_GUID_VLEK "a8074bc2-a25a-483e-aae6-39c045a0b8a1"
#define AMD_SP_GUID_ASK "4ab7b379-bbac-4fe4-a02f-05aef327c782"
#define AMD_SP_GUID_ARK "c0b406a4-a803-4952-9743-3fb6014cd0ae"
#define AMD_SP_GUID_CRL "92f81bc3-5811-4d3d-97ff-d19f88dc67ea"

/* Writes the table and the blobs behind it; returns the bytes used. size must hold them. */
size_t amd_sp_cert_table(const struct amd_sp_blob *blobs, size_t n, uint8_t *out, size_t size);

#endif
