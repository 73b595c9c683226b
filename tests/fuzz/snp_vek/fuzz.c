/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate, its names, its profile and AMD's extensions. */
#include "policy/evidence/sev_snp/profile.h"
#include "policy/evidence/sev_snp/vek.h"

#include <openssl/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct lk_cert *cert)
{
    struct lk_report report = {0};
    struct lk_snp_vek vek;
    lk_snp_common_name(X509_get_subject_name(cert->x509));
    lk_snp_cert_pss(cert);
    lk_snp_ca_key(cert);
    lk_snp_vek_key(cert);
    lk_cert_weak_digest(cert);
    (void)!lk_ok(lk_cert_may_issue(cert, 0));
    if (!lk_ok(lk_snp_vek_read(cert, &report, &vek)))
        return;
    for (int kind = LK_SNP_VCEK; kind <= LK_SNP_VLEK; kind++) {
        (void)!lk_ok(lk_snp_vek_check(&vek, (enum lk_snp_kind)kind, lk_snp_product_by_cpuid(0x19, 1), &report));
        (void)!lk_ok(lk_snp_vek_check(&vek, (enum lk_snp_kind)kind, lk_snp_product_by_cpuid(0x1a, 2), &report));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_cert_cache *cache = lk_cert_cache_new(1);
    const struct lk_cert *cert;
    if (cache != NULL && lk_ok(lk_cert_get(cache, lk_bytes(data, size), &cert)))
        look(cert);
    lk_cert_cache_free(cache);
    return 0;
}
