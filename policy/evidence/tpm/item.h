/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_TPM_ITEM_H
#define LK_EVIDENCE_TPM_ITEM_H
/* Private to the family "tpm": what its files share. */
#include "policy/chain/path.h"
#include "policy/evidence/tpm/tpm.h"
#include "proto/tpm/attest.h"
#include "proto/tpm/public.h"

enum lk_tpm_part {
    LK_TPM_PART_ATTEST,
    LK_TPM_PART_SIGNATURE,
    LK_TPM_PART_PUBLIC,
    LK_TPM_PART_PCRS,
    LK_TPM_PART_EK_CERT,
    LK_TPM_PART_EK_PUBLIC,
    LK_TPM_PART_AK_CERT,
    LK_TPM_PART_CHAIN,
    LK_TPM_PARTS,
};

/* Who vouches for the AK. */
enum lk_tpm_root {
    LK_TPM_ROOT_NONE,
    LK_TPM_ROOT_EK,             /* an EK certificate, and activation */
    LK_TPM_ROOT_AK_CERTIFICATE,
    LK_TPM_ROOT_LINKED,         /* a proof for the AK */
    LK_TPM_ROOT_LINKED_EK,      /* a proof for the EK, and activation */
};

/* What a Google Compute Engine certificate says of its instance (extension 1.3.6.1.4.1.11129.2.1.21). */
struct lk_tpm_gce {
    bool present, production;
    const char *zone, *project, *instance_name;
    uint64_t project_number, instance_id, security_version;
    bool has_security_version;
};

/* What the certificate that vouches for the TPM says: texts in the arena, NULL when absent. */
struct lk_tpm_identity {
    const char *manufacturer, *model, *version; /* "id:53544D20", "ST33HTPHAHB4", "id:00490004" */
    struct lk_tpm_gce gce;
};

struct lk_item {
    struct lk_tpm_public ak, ek;
    bool has_ek;
    bool bare_ak; /* sent as a SubjectPublicKeyInfo: no name, no attributes; counts only if an item vouches for the key */
    struct lk_tpm_name ak_name, ek_name; /* ak_name: empty for a bare key */
    uint8_t ak_spki[32], ek_spki[32];
    struct lk_tpm_attest attest;
    struct lk_tpm_signature signature;
    struct lk_register *registers; /* named by the signed selection, once the digest was compared */
    size_t n_registers;
    bool quote_checked;
    enum lk_tpm_root root;
    struct lk_tpm_identity identity;
    const char *anchor; /* name, NULL when linked */
    bool weak_path;
    bool built_in; /* the anchor is compiled in */
};

/* quote.c: signature, magic, type, AK, selection, values, digest; names the registers. Findings in the report. */
LK_MUST_USE lk_result lk_tpm_check_quote(const struct lk_family_input *in, struct lk_item *item);

/* identity.c: reads what the certificate says. MEMORY. Texts that are not printable ASCII of at most 128 bytes are absent. */
LK_MUST_USE lk_result lk_tpm_read_identity(const struct lk_cert *cert, struct lk_arena *arena,
                                           struct lk_tpm_identity *out);

/* usage.c: TPM_EK_CERT_USAGE: a CA, or key usage or extended key usage that leave out an EK's. */
LK_MUST_USE lk_result lk_tpm_ek_cert_usage(const struct lk_cert *cert);

/*
 * usage.c: TPM_AK_CERT_USAGE unless the issuer says that the key is an AK: extended key usage 2.23.133.8.3, or
 * a GCE instance certificate (which has 2.23.133.8.1 or none) for signatures.
 */
LK_MUST_USE lk_result lk_tpm_ak_cert_usage(const struct lk_cert *cert, const struct lk_tpm_identity *identity);

/* anchor.c: family.h's authenticate. */
LK_MUST_USE lk_result lk_tpm_authenticate(const struct lk_family_input *in, struct lk_item *item,
                                          const struct lk_proofs *proofs, struct lk_anchoring *how);

/* claims.c */
#define LK_TPM_CLAIMS 33
extern const struct lk_claim lk_tpm_claims[LK_TPM_CLAIMS];
LK_MUST_USE lk_result lk_tpm_claim(const struct lk_family_input *in, const struct lk_item *item,
                                   struct lk_value *values);

#endif
