/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/aael/image.h"
#include "proto/base/json.h"

#include <string.h>

#define DOMAIN "github.com/confidential-containers"
#define OPERATION "PullImage"

struct content {
    struct lk_bytes image, digest;
};

static const struct lk_json_member content_table[] = {
    LK_JSON_MEMBER("image", lk_json_text, struct content, image),
    LK_JSON_MEMBER("digest", lk_json_text, struct content, digest),
};

/* "sha256:..." */
static lk_result put_digest(struct lk_bytes text, struct lk_arena *arena, struct lk_member *m)
{
    char name[16] = "";
    const uint8_t *colon = memchr(text.data, ':', text.len);
    size_t n = colon == NULL ? 0 : (size_t)(colon - text.data);
    LK_REQUIRE(n > 0 && n < sizeof(name), AAEL_IMAGE);
    memcpy(name, text.data, n);
    const struct lk_tpm_hash *hash = lk_tpm_hash_by_name(name);
    uint8_t *digest = lk_arena_alloc(arena, LK_TPM_DIGEST_MAX);
    LK_REQUIRE(digest != NULL, MEMORY);
    LK_REQUIRE(hash != NULL, AAEL_IMAGE);
    LK_REQUIRE(lk_unhex((const char *)colon + 1, text.len - n - 1, digest, LK_TPM_DIGEST_MAX) == hash->size, AAEL_IMAGE);
    m->alg = hash->alg;
    m->digest = lk_bytes(digest, hash->size);
    return LK_OK;
}

static lk_result image(struct lk_bytes json, struct lk_arena *arena, struct lk_member *m)
{
    struct content c = {.image = LK_BYTES_NONE};
    struct lk_json j = lk_json(json, arena);
    lk_json_object(&j, content_table, sizeof(content_table) / sizeof(content_table[0]), &c);
    LK_REQUIRE(lk_ok(lk_json_end(&j)) && c.image.len > 0, AAEL_IMAGE);
    m->name = c.image;
    return put_digest(c.digest, arena, m);
}

lk_result lk_aael_images(const struct lk_aael *a, struct lk_arena *arena, struct lk_value *out)
{
    struct lk_member *m = lk_arena_array(arena, a->n, sizeof(*m));
    size_t n = 0;
    LK_REQUIRE(m != NULL, MEMORY);
    for (size_t i = 0; i < a->n; i++)
        if (lk_bytes_eq(a->events[i].domain, lk_bytes_str(DOMAIN)) &&
            lk_bytes_eq(a->events[i].operation, lk_bytes_str(OPERATION)))
            LK_TRY(image(a->events[i].content, arena, &m[n++]));
    *out = (struct lk_value){.kind = LK_KIND_FILES, .present = true, .list = {m, n}};
    return LK_OK;
}
