/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/ima/contents.h"
#include "policy/evidence/ima/keys.h"
#include "policy/evidence/ima/verity.h"
#include "proto/tpm/algs.h"

#include <stdio.h>
#include <string.h>

#define IMA_PCR 10

struct collecting {
    const struct lk_family_input *in;
    struct lk_ima_keys keys;
    struct lk_ima_contents *out;
};

static uint16_t algorithm(const struct lk_ima_entry *e)
{
    char name[16];
    if (e->algorithm.len >= sizeof(name))
        return 0;
    snprintf(name, sizeof(name), "%.*s", (int)e->algorithm.len, (const char *)e->algorithm.data);
    const struct lk_tpm_hash *hash = lk_tpm_hash_by_name(name);
    if (hash == NULL || hash->size != e->digest.len)
        return 0;
    return (uint16_t)(hash->alg | (e->verity ? LK_DIGEST_VERITY : 0));
}

/* Runs of a binary list stay where they are; those of a line that was rebuilt are overwritten by the next. */
static lk_result keep(struct lk_arena *arena, const struct lk_ima_entry *e, struct lk_member *m)
{
    *m = (struct lk_member){.name = e->path, .alg = algorithm(e), .digest = e->digest};
    if (!e->rebuilt)
        return LK_OK;
    uint8_t *copy = lk_arena_alloc(arena, e->path.len + e->digest.len);
    LK_REQUIRE(copy != NULL, MEMORY);
    memcpy(copy, e->path.data, e->path.len);
    memcpy(copy + e->path.len, e->digest.data, e->digest.len);
    m->name.data = copy;
    m->digest.data = copy + e->path.len;
    return LK_OK;
}

/* A PCR does not cover the template's name, and a file of ima-sig has the same fields: only a buffer's digest is its bytes'. */
static lk_result check_buffer(const struct lk_ima_entry *e)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(algorithm(e));
    uint8_t digest[LK_TPM_DIGEST_MAX];
    LK_REQUIRE(hash != NULL, IMA_TEMPLATE_HASH);
    LK_TRY(lk_tpm_digest(hash, &e->blob, 1, digest));
    return lk_bytes_eq(e->digest, lk_bytes(digest, hash->size)) ? LK_OK : LK_FAIL(IMA_TEMPLATE_HASH);
}

static lk_result take_buffer(struct collecting *c, const struct lk_ima_entry *e)
{
    struct lk_ima_contents *out = c->out;
    LK_TRY(check_buffer(e));
    LK_TRY(keep(c->in->arena, e, &out->buffers[out->n_buffers++]));
    if (lk_bytes_eq(e->path, lk_bytes_str("dm_table_load")))
        return lk_ima_verity(e->blob, c->in->arena, out->verity, LK_IMA_VERITY_MAX, &out->n_verity);
    return lk_ima_keys_learn(c->in, e, &c->keys);
}

static lk_result take_file(struct collecting *c, const struct lk_ima_entry *e)
{
    struct lk_member *m = &c->out->files[c->out->n_files++];
    LK_TRY(keep(c->in->arena, e, m));
    return lk_ima_keys_signer(&c->keys, e, &m->signer);
}

static lk_result walk(struct collecting *c, struct lk_ima_list *list, size_t covered, bool count)
{
    struct lk_ima_entry e;
    bool more = true;
    for (size_t i = 0; i < covered; i++) {
        LK_TRY(lk_ima_next(list, &e, &more));
        LK_REQUIRE(more, INTERNAL);
        if (e.pcr != IMA_PCR || e.violation || i == 0)
            continue;
        if (count)
            c->out->n_buffers += e.buffer ? 1 : 0;
        else
            LK_TRY(e.buffer ? take_buffer(c, &e) : take_file(c, &e));
    }
    return LK_OK;
}

static lk_result walk_list(struct collecting *c, struct lk_bytes bytes, size_t covered, bool count)
{
    struct lk_ima_list list;
    lk_ima_open(bytes, &list);
    lk_result r = walk(c, &list, covered, count);
    lk_ima_close(&list);
    return r;
}

lk_result lk_ima_contents(const struct lk_family_input *in, struct lk_bytes list, size_t covered, struct lk_ima_contents *out)
{
    struct collecting c = {.in = in, .out = out};
    *out = (struct lk_ima_contents){.files = NULL};
    LK_TRY(lk_ima_keys_anchors(in, &c.keys));
    LK_TRY(walk_list(&c, list, covered, true)); /* how many buffers: they are few, and files many */
    out->buffers = lk_arena_array(in->arena, out->n_buffers + 1, sizeof(*out->buffers));
    out->files = lk_arena_array(in->arena, covered - out->n_buffers + 1, sizeof(*out->files));
    out->verity = lk_arena_array(in->arena, LK_IMA_VERITY_MAX, sizeof(*out->verity));
    LK_REQUIRE(out->buffers != NULL && out->files != NULL && out->verity != NULL, MEMORY);
    out->n_buffers = 0;
    return walk_list(&c, list, covered, false);
}
