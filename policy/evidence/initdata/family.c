/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/initdata/initdata.h"
#include "policy/evidence/initdata/document.h"
#include "proto/tpm/algs.h"

#include <string.h>

#define ITEM "initdata"
#define INITDATA_PCR 8
#define FIELD_MIN 32 /* bytes of the smallest launch field, HOST_DATA: a digest is never cut below that */

static const struct lk_part parts[] = {
    {"document", LK_INITDATA_MAX, true, "the document, byte for byte as its digest was made"},
};

static const uint16_t algorithms[] = {LK_TPM_SHA256, LK_TPM_SHA384, LK_TPM_SHA512};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))
static const char *const algorithm_words[] = {"sha256", "sha384", "sha512", NULL};

enum claim { C_FILES, C_DIGEST, C_VERSION, C_ALGORITHM, C_COUNT };

static const struct lk_claim claims[C_COUNT] = {
    [C_FILES] = {"files", LK_KIND_FILES, NULL, LK_R_INITDATA_CONTENT, "The texts of the table `data`, by name, each with its SHA-256 digest: policy.rego, aa.toml, cdh.toml; absent when there is none", NULL, 0},
    [C_DIGEST] = {"digest", LK_KIND_BYTES, "skip", LK_R_INITDATA_CONTENT, "Digest of the whole document, by its own algorithm", NULL, 0},
    [C_VERSION] = {"version", LK_KIND_TEXT, "0.1.0", LK_R_INITDATA_CONTENT, "`version` of the document", NULL, 0},
    [C_ALGORITHM] = {"algorithm", LK_KIND_WORD, "skip", LK_R_INITDATA_CONTENT, "`algorithm` of the document", algorithm_words, 0},
};

struct lk_item {
    uint8_t digest[ALGORITHMS][LK_TPM_DIGEST_MAX];
    const struct lk_tpm_hash *hash; /* whose digest was found */
    const uint8_t *found;
    struct lk_initdata document;
};

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    for (size_t i = 0; i < ALGORITHMS; i++)
        LK_TRY(lk_tpm_digest(lk_tpm_hash(algorithms[i]), &in->parts[0], 1, (*out)->digest[i]));
    return LK_OK;
}

/* The field is longer than the digest and filled with zeros, or shorter and holds its first bytes. */
static bool launch_field_holds(struct lk_bytes field, struct lk_bytes digest)
{
    size_t n = field.len < digest.len ? field.len : digest.len;
    return n >= FIELD_MIN && lk_bytes_eq(lk_bytes(field.data, n), lk_bytes(digest.data, n)) &&
           lk_bytes_zero(lk_bytes(field.data + n, field.len - n));
}

/* PCR 8 of a machine whose launch has no such field: extended once, with a digest of the bank's size. */
static bool pcr_holds(const struct lk_proof *p, const struct lk_tpm_hash *hash, struct lk_bytes digest)
{
    static const uint8_t reset[LK_TPM_DIGEST_MAX];
    uint8_t value[LK_TPM_DIGEST_MAX];
    struct lk_bytes extend[] = {lk_bytes(reset, hash->size), digest};
    return p->alg == hash->alg && p->index == INITDATA_PCR && lk_ok(lk_tpm_digest(hash, extend, 2, value)) &&
           lk_bytes_eq(p->value, lk_bytes(value, hash->size));
}

static bool proves(const struct lk_proof *p, const struct lk_tpm_hash *hash, const uint8_t *digest)
{
    struct lk_bytes d = lk_bytes(digest, hash->size);
    if (p->kind == LK_PROOF_DIGEST)
        return !p->guest_chosen && launch_field_holds(p->value, d);
    return p->kind == LK_PROOF_REGISTER && pcr_holds(p, hash, d);
}

static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)in;
    how->wanted = "HOST_DATA, MRCONFIGID or a quoted PCR 8 that holds the document's digest";
    for (size_t i = 0; i < proofs->n; i++)
        for (size_t a = 0; a < ALGORITHMS; a++) {
            const struct lk_tpm_hash *hash = lk_tpm_hash(algorithms[a]);
            if (!proves(&proofs->p[i], hash, item->digest[a]))
                continue;
            how->by = &proofs->p[i];
            item->hash = hash;
            item->found = item->digest[a];
            return LK_OK;
        }
    return LK_FAIL(UNANCHORED);
}

static lk_result read_vouched(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    (void)proofs;
    lk_result r = lk_initdata_read(in->parts[0], in->arena, &item->document);
    if (!lk_ok(r))
        return lk_report_add(in->report, r.code, ITEM, "document", "", "");
    if (!lk_bytes_eq(item->document.algorithm, lk_bytes_str(item->hash->name))) {
        char said[16];
        size_t n = item->document.algorithm.len < sizeof(said) - 1 ? item->document.algorithm.len : sizeof(said) - 1;
        memcpy(said, item->document.algorithm.data, n);
        said[n] = '\0';
        return lk_report_add(in->report, LK_R_INITDATA_ALGORITHM, ITEM, "algorithm", item->hash->name, said);
    }
    return LK_OK;
}

static lk_result put_files(const struct lk_family_input *in, const struct lk_initdata *d, struct lk_value *out)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(LK_TPM_SHA256);
    struct lk_member *m = lk_arena_array(in->arena, d->n, sizeof(*m));
    LK_REQUIRE(m != NULL, MEMORY);
    for (size_t i = 0; i < d->n; i++) {
        uint8_t *digest = lk_arena_alloc(in->arena, LK_TPM_DIGEST_MAX);
        LK_REQUIRE(digest != NULL, MEMORY);
        LK_TRY(lk_tpm_digest(hash, &d->entries[i].text, 1, digest));
        m[i] = (struct lk_member){.name = d->entries[i].name, .alg = hash->alg, .digest = lk_bytes(digest, hash->size)};
    }
    *out = (struct lk_value){.kind = LK_KIND_FILES, .present = true, .list = {m, d->n}};
    return LK_OK;
}

static lk_result claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    const struct lk_initdata *d = &item->document;
    char *version = lk_arena_str(in->arena, d->version.data, d->version.len);
    LK_REQUIRE(version != NULL, MEMORY);
    values[C_VERSION] = (struct lk_value){.kind = LK_KIND_TEXT, .present = true, .word = version};
    values[C_ALGORITHM] = (struct lk_value){.kind = LK_KIND_WORD, .present = true, .word = item->hash->name};
    values[C_DIGEST] = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = lk_bytes(item->found, item->hash->size)};
    return d->n > 0 ? put_files(in, d, &values[C_FILES]) : LK_OK;
}

const struct lk_family lk_family_initdata = {
    .name = ITEM,
    .doc = "Initdata: the configuration that the host gave the guest's agents at launch, linked to the report or PCR that holds its digest",
    .parts = parts,
    .n_parts = sizeof(parts) / sizeof(parts[0]),
    .claims = claims,
    .n_claims = C_COUNT,
    .parse = parse,
    .authenticate = authenticate,
    .read_vouched = read_vouched,
    .claim = claim,
};
