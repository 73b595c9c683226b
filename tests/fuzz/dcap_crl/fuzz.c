/* SPDX-License-Identifier: Apache-2.0 */
/* Two bytes of length, a list, and the certificate of its issuer. */
#include "policy/evidence/dcap/path.h"
#include "proto/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_cursor c = lk_cursor(lk_bytes(data, size));
    struct lk_bytes crl = lk_take(&c, lk_u16be(&c));
    struct lk_bytes der = lk_take(&c, lk_left(&c));
    struct lk_cert_cache *cache = lk_cert_cache_new(1);
    struct lk_report report = {0};
    struct lk_dcap_say say = {&report, "tdx"};
    const struct lk_cert *cert;
    if (cache != NULL && !c.failed && lk_ok(lk_cert_get(cache, der, &cert))) {
        (void)!lk_ok(lk_dcap_crl_check(cache, crl, cert, cert, 1767225600, &say, "pck-crl"));
        lk_dcap_sgx_extension(cert);
    }
    lk_cert_cache_free(cache);
    return 0;
}
