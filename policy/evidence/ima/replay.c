/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/ima/replay.h"

#include <string.h>

#define IMA_PCR 10

struct state {
    const struct lk_tpm_hash *hash, *sha1;
    struct lk_bytes wanted;
    uint8_t now[LK_TPM_DIGEST_MAX], padded[LK_TPM_DIGEST_MAX];
    struct lk_ima_replay *out;
    size_t violations, mismatch;
};

static lk_result extend(const struct lk_tpm_hash *hash, uint8_t value[static LK_TPM_DIGEST_MAX], const uint8_t *digest)
{
    uint8_t next[LK_TPM_DIGEST_MAX];
    struct lk_bytes parts[] = {lk_bytes(value, hash->size), lk_bytes(digest, hash->size)};
    LK_TRY(lk_tpm_digest(hash, parts, 2, next));
    memcpy(value, next, hash->size);
    return LK_OK;
}

/* A violation is logged as zeros and extended as ones. */
static lk_result extend_entry(struct state *s, const struct lk_ima_entry *e)
{
    uint8_t modern[LK_TPM_DIGEST_MAX], padded[LK_TPM_DIGEST_MAX] = {0};
    if (e->violation) {
        memset(modern, 0xff, sizeof(modern));
        memcpy(padded, modern, s->hash->size);
    } else {
        LK_TRY(lk_tpm_digest(s->hash, &e->data, 1, modern));
        memcpy(padded, e->hash.data, LK_IMA_SHA1);
        if (s->hash == s->sha1)
            memcpy(modern, padded, LK_IMA_SHA1);
    }
    LK_TRY(extend(s->hash, s->now, modern));
    return extend(s->hash, s->padded, padded);
}

static lk_result check_hash(struct state *s, const struct lk_ima_entry *e, size_t number)
{
    uint8_t digest[LK_TPM_DIGEST_MAX];
    if (e->violation) {
        s->violations++;
        return LK_OK;
    }
    LK_TRY(lk_tpm_digest(s->sha1, &e->data, 1, digest));
    if (s->mismatch == 0 && !lk_bytes_eq(lk_bytes(digest, LK_IMA_SHA1), e->hash))
        s->mismatch = number;
    return LK_OK;
}

static void take_aggregate(struct state *s, const struct lk_ima_entry *e)
{
    char name[16] = {0};
    if (!lk_bytes_eq(e->path, lk_bytes_str("boot_aggregate")) || e->violation || e->algorithm.len >= sizeof(name))
        return;
    memcpy(name, e->algorithm.data, e->algorithm.len);
    s->out->first_is_aggregate = true;
    s->out->aggregate_hash = lk_tpm_hash_by_name(name);
    if (s->out->aggregate_hash != NULL && s->out->aggregate_hash->size == e->digest.len)
        memcpy(s->out->aggregate, e->digest.data, e->digest.len);
    else
        s->out->aggregate_hash = NULL;
}

static bool met(struct state *s, size_t entries)
{
    bool now = lk_bytes_eq(lk_bytes(s->now, s->hash->size), s->wanted);
    bool padded = lk_bytes_eq(lk_bytes(s->padded, s->hash->size), s->wanted);
    if (!now && !padded)
        return false;
    uint8_t aggregate[LK_TPM_DIGEST_MAX];
    memcpy(aggregate, s->out->aggregate, sizeof(aggregate));
    *s->out = (struct lk_ima_replay){.matched = true, .padded = !now, .covered = entries, .violations = s->violations,
                                     .mismatch = s->mismatch, .first_is_aggregate = s->out->first_is_aggregate,
                                     .aggregate_hash = s->out->aggregate_hash};
    memcpy(s->out->aggregate, aggregate, sizeof(aggregate));
    return true;
}

static size_t count_rest(struct lk_ima_list *list)
{
    struct lk_ima_entry e;
    size_t before = list->n_entries;
    bool more = true;
    while (more && lk_ok(lk_ima_next(list, &e, &more)))
        continue;
    return list->n_entries - before;
}

static lk_result walk(struct state *s, struct lk_ima_list *list)
{
    struct lk_ima_entry e;
    for (bool more = true;;) {
        LK_TRY(lk_ima_next(list, &e, &more));
        if (!more)
            break;
        if (list->n_entries == 1 && e.pcr == IMA_PCR)
            take_aggregate(s, &e);
        LK_TRY(check_hash(s, &e, list->n_entries));
        if (e.pcr != IMA_PCR)
            continue;
        LK_TRY(extend_entry(s, &e));
        if (!met(s, list->n_entries))
            continue;
        s->out->tail = count_rest(list);
        return LK_OK;
    }
    s->out->covered = list->n_entries;
    s->out->violations = s->violations;
    s->out->mismatch = s->mismatch;
    return LK_OK;
}

lk_result lk_ima_replay(struct lk_bytes bytes, const struct lk_tpm_hash *hash, struct lk_bytes value,
                        struct lk_ima_replay *out, uint8_t last[static LK_TPM_DIGEST_MAX])
{
    struct state s = {.hash = hash, .sha1 = lk_tpm_hash(LK_TPM_SHA1), .wanted = value, .out = out};
    struct lk_ima_list list;
    memset(out, 0, sizeof(*out));
    lk_ima_open(bytes, &list);
    lk_result r = walk(&s, &list);
    lk_ima_close(&list);
    memcpy(last, out->padded ? s.padded : s.now, LK_TPM_DIGEST_MAX);
    return r;
}
