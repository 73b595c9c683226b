/* SPDX-License-Identifier: Apache-2.0 */
/* Input: u16 big-endian length and an ARK, then the list that is checked under it. */
#include "policy/evidence/sev_snp/crl.h"
#include "proto/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_report report = {0};
    struct lk_cursor c = lk_cursor(lk_bytes(data, size));
    struct lk_bytes der = lk_take_u16be(&c, LK_CERT_MAX), crl = lk_take(&c, lk_left(&c));
    struct lk_cert_cache *cache = lk_cert_cache_new(1);
    const struct lk_cert *ark;
    if (cache != NULL && lk_ok(lk_cert_get(cache, der, &ark)) && ark->key != NULL)
        (void)!lk_ok(lk_snp_crl_check(crl, ark, ark, 1767225600, &report));
    lk_cert_cache_free(cache);
    return 0;
}
