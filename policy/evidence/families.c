/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/aael/aael.h"
#include "policy/evidence/azure_hcl/azure_hcl.h"
#include "policy/evidence/dcap/dcap.h"
#include "policy/evidence/eventlog/eventlog.h"
#include "policy/evidence/family.h"
#include "policy/evidence/ima/ima.h"
#include "policy/evidence/initdata/initdata.h"
#include "policy/evidence/sev_snp/sev_snp.h"
#include "policy/evidence/svsm_vtpm/svsm_vtpm.h"
#include "policy/evidence/tpm/tpm.h"

/* In the order of docs; NULL-terminated. */
static const struct lk_family *const families[] = {
    &lk_family_sev_snp,
    &lk_family_tpm,
    &lk_family_tdx,
    &lk_family_sgx,
    &lk_family_azure_hcl,
    &lk_family_svsm_vtpm,
    &lk_family_eventlog,
    &lk_family_ima,
    &lk_family_initdata,
    &lk_family_aael,
    NULL,
};

const struct lk_family *const *lk_families(size_t *n)
{
    *n = sizeof(families) / sizeof(*families) - 1;
    return families;
}

const struct lk_family *lk_family_by_name(struct lk_bytes name)
{
    for (const struct lk_family *const *f = families; *f != NULL; f++)
        if (lk_bytes_eq(lk_bytes_str((*f)->name), name))
            return *f;
    return NULL;
}
