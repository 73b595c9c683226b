/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/ima/keys.h"
#include "policy/chain/path.h"
#include "policy/evidence/ima/signature.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define FAMILY "ima"
#define KEYRING_MAX 64

static bool key_taken(EVP_PKEY *key)
{
    char group[32] = "";
    if (key == NULL)
        return false;
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096;
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
}

static lk_result add(struct lk_ima_keys *keys, const struct lk_cert *cert, const char *name)
{
    if (!key_taken(cert->key))
        return LK_OK;
    LK_REQUIRE(keys->n < LK_IMA_KEYS_MAX, IMA_LIMIT);
    struct lk_ima_key *k = &keys->k[keys->n++];
    *k = (struct lk_ima_key){.key = cert->key, .name = name};
    lk_ima_key_ids(cert->x509, k->ids);
    return LK_OK;
}

lk_result lk_ima_keys_anchors(const struct lk_family_input *in, struct lk_ima_keys *keys)
{
    size_t n = 0;
    const struct lk_trust_cert *certs = in->trust == NULL ? NULL : lk_trust_certs(in->trust, FAMILY, &n);
    keys->n = keys->verified = 0;
    for (size_t i = 0; i < n; i++) {
        const struct lk_cert *cert;
        if (!certs[i].anchor)
            continue;
        LK_TRY(lk_cert_get(lk_trust_cache(in->trust), certs[i].der, &cert));
        if (lk_ok(lk_cert_valid_at(cert, in->at)))
            LK_TRY(add(keys, cert, certs[i].name));
    }
    return LK_OK;
}

/* "ca/.ima" */
static const char *learned_name(struct lk_arena *arena, const char *anchor, struct lk_bytes keyring)
{
    char name[160];
    int n = snprintf(name, sizeof(name), "%.64s/%.*s", anchor, (int)keyring.len, (const char *)keyring.data);
    return n > 0 && (size_t)n < sizeof(name) ? lk_arena_str(arena, name, (size_t)n) : NULL;
}

lk_result lk_ima_keys_learn(const struct lk_family_input *in, const struct lk_ima_entry *e, struct lk_ima_keys *keys)
{
    const struct lk_cert *cert;
    struct lk_path path;
    if (keys->n == 0 || e->path.len > KEYRING_MAX || e->blob.len == 0 || e->blob.data[0] != 0x30)
        return LK_OK;
    lk_result r = lk_cert_get(lk_trust_cache(in->trust), e->blob, &cert);
    if (lk_ok(r))
        r = lk_path_find(in->trust, FAMILY, cert, NULL, 0, in->at, &path);
    if (!lk_ok(r))
        return r.code == LK_R_MEMORY ? r : LK_OK; /* a buffer like any other: rules on buffers judge it */
    if (path.weak)
        return LK_OK;
    const char *name = learned_name(in->arena, path.anchor, e->path);
    LK_REQUIRE(name != NULL, MEMORY);
    return add(keys, cert, name);
}

lk_result lk_ima_keys_signer(struct lk_ima_keys *keys, const struct lk_ima_entry *e, const char **name)
{
    struct lk_ima_signature s;
    *name = NULL;
    if (keys->n == 0 || e->verity || !lk_ima_signature_read(e->blob, &s) ||
        !lk_bytes_eq(e->algorithm, lk_bytes_str(s.hash->name)))
        return LK_OK;
    for (size_t i = 0; i < keys->n && *name == NULL; i++) {
        const struct lk_ima_key *k = &keys->k[i];
        if (s.key_id != k->ids[0] && s.key_id != k->ids[1])
            continue;
        LK_REQUIRE(keys->verified++ < LK_IMA_SIGNATURES_MAX, IMA_LIMIT);
        if (lk_ima_signature_holds(&s, k->key, e->digest))
            *name = k->name;
    }
    return LK_OK;
}
