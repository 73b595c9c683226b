/* SPDX-License-Identifier: Apache-2.0 */
/* Names and qualified names (public.h). */
#include "proto/tpm/public.h"

#include <string.h>

struct lk_bytes lk_tpm_name_bytes(const struct lk_tpm_name *name)
{
    return lk_bytes(name->bytes, name->len);
}

/* nameAlg || H_nameAlg(parts) */
static lk_result named(uint16_t name_alg, const struct lk_bytes *parts, size_t n, struct lk_tpm_name *out)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(name_alg);
    uint8_t digest[LK_TPM_DIGEST_MAX];
    LK_REQUIRE(hash != NULL, TPM_PUBLIC_ALGORITHM);
    LK_TRY(lk_tpm_digest(hash, parts, n, digest));
    out->bytes[0] = (uint8_t)(name_alg >> 8);
    out->bytes[1] = (uint8_t)name_alg;
    memcpy(out->bytes + 2, digest, hash->size);
    out->len = 2U + hash->size;
    return LK_OK;
}

lk_result lk_tpm_name(const struct lk_tpm_public *p, struct lk_tpm_name *out)
{
    return named(p->name_alg, &p->tpmt, 1, out);
}

static lk_result under(const struct lk_tpm_public *p, struct lk_bytes parent, struct lk_tpm_name *out)
{
    struct lk_tpm_name name;
    LK_TRY(lk_tpm_name(p, &name));
    const struct lk_bytes parts[] = {parent, lk_tpm_name_bytes(&name)};
    return named(p->name_alg, parts, 2, out);
}

lk_result lk_tpm_qualified_primary(const struct lk_tpm_public *p, enum lk_tpm_hierarchy hierarchy,
                                   struct lk_tpm_name *out)
{
    uint32_t h = (uint32_t)hierarchy;
    uint8_t handle[4] = {(uint8_t)(h >> 24), (uint8_t)(h >> 16), (uint8_t)(h >> 8), (uint8_t)h};
    return under(p, LK_BYTES(handle), out);
}

lk_result lk_tpm_qualified_child(const struct lk_tpm_public *p, const struct lk_tpm_name *parent,
                                 struct lk_tpm_name *out)
{
    return under(p, lk_tpm_name_bytes(parent), out);
}

lk_result lk_tpm_activation_context(const struct lk_tpm_public *ek, const struct lk_tpm_public *ak,
                                    uint8_t out[static 32])
{
    struct lk_tpm_name ek_name, ak_name;
    uint8_t digest[LK_TPM_DIGEST_MAX];
    LK_TRY(lk_tpm_name(ek, &ek_name));
    LK_TRY(lk_tpm_name(ak, &ak_name));
    const struct lk_bytes parts[] = {lk_tpm_name_bytes(&ek_name), lk_tpm_name_bytes(&ak_name)};
    LK_TRY(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA256), parts, 2, digest));
    memcpy(out, digest, 32);
    return LK_OK;
}
