/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/tpm/json/pcrs.h"

#include "proto/tpm/attest.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

struct conversion {
    json_t *banks;
    struct lk_buf *out;
    bool failed;
};

static void put_value(void *arg, const struct lk_tpm_hash *bank, uint32_t index, size_t offset)
{
    struct conversion *c = arg;
    char key[12];
    uint8_t value[LK_TPM_DIGEST_MAX];
    (void)offset;
    snprintf(key, sizeof(key), "%u", (unsigned)index);
    const char *hex = json_string_value(json_object_get(json_object_get(c->banks, bank->name), key));
    if (hex == NULL || lk_unhex(hex, strlen(hex), value, sizeof(value)) != bank->size) {
        c->failed = true;
        return;
    }
    lk_put(c->out, lk_bytes(value, bank->size));
}

static lk_result convert(const struct lk_tpm_attest *attest, struct lk_bytes file, struct lk_buf *out)
{
    struct conversion c = {.out = out};
    c.banks = json_loadb((const char *)file.data, file.len, JSON_REJECT_DUPLICATES, NULL);
    c.failed = !json_is_object(c.banks);
    if (!c.failed)
        lk_tpm_each_pcr(attest, put_value, &c);
    json_decref(c.banks);
    return c.failed ? LK_FAIL(TPM_PCRS_JSON) : lk_buf_ok(out);
}

lk_result lk_tpm_pcrs_convert(struct lk_bytes attest, struct lk_bytes file, struct lk_buf *out)
{
    struct lk_tpm_attest a;
    bool quote = lk_ok(lk_tpm_attest_parse(attest, &a)) && a.n_banks > 0;
    if (quote && file.len != lk_tpm_values_len(&a))
        return convert(&a, file, out);
    lk_put(out, file);
    return lk_buf_ok(out);
}
