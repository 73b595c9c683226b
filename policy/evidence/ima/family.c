/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/ima/ima.h"
#include "policy/evidence/ima/contents.h"

#include <stdio.h>

#define IMA_PCR 10

static const struct lk_part parts[] = {
    {"log", LK_IMA_LIST_MAX, true,
     "the list, as /sys/kernel/security/ima/binary_runtime_measurements or ascii_runtime_measurements gives it"},
};

static const char *const bank_words[] = {"sha1", "sha256", "sha384", "sha512", NULL};

enum claim { C_BOOT_AGGREGATE, C_VIOLATIONS, C_PADDED, C_ENTRIES, C_TAIL, C_BANK, C_FILES, C_BUFFERS, C_VERITY, C_COUNT };

static const struct lk_claim claims[C_COUNT] = {
    [C_BOOT_AGGREGATE] = {"boot-aggregate", LK_KIND_BOOL, "required", LK_R_IMA_POLICY, "The list's first entry was compared with the quoted PCRs of the boot, and is theirs; not so when they were not quoted", NULL, 0},
    [C_VIOLATIONS] = {"violations", LK_KIND_UINT, "0", LK_R_IMA_POLICY, "Entries that say that a file changed while it was measured; their paths are covered by nothing", NULL, 0},
    [C_PADDED] = {"padded-hashes", LK_KIND_BOOL, "deny", LK_R_IMA_POLICY, "The bank was extended with SHA-1 hashes and zeros, as kernels before 5.8 do", NULL, 0},
    [C_ENTRIES] = {"entries", LK_KIND_UINT, "skip", LK_R_IMA_POLICY, "Entries that the quoted PCR 10 covers", NULL, 0},
    [C_TAIL] = {"tail", LK_KIND_UINT, "skip", LK_R_IMA_POLICY, "Entries after them, which were measured after the quote and are not judged", NULL, 0},
    [C_BANK] = {"bank", LK_KIND_WORD, "skip", LK_R_IMA_POLICY, "The bank of the quoted PCR 10", bank_words, 0},
    [C_FILES] = {"files", LK_KIND_FILES, NULL, LK_R_IMA_FILES, "Every file that the list shows, boot_aggregate and violations left out; absent when it shows none, as where the kernel measures nothing", NULL, 0},
    [C_BUFFERS] = {"buffers", LK_KIND_FILES, "none", LK_R_IMA_BUFFERS, "Every buffer that was measured (template ima-buf) by its name: keys by their keyring, kexec-cmdline, device mapper tables", NULL, 0},
    [C_VERITY] = {"dm-verity", LK_KIND_FILES, "skip", LK_R_IMA_VERITY, "The root digest of every dm-verity target that the device mapper loaded, by the device's name; absent when the list shows none", NULL, 0},
};

struct lk_item {
    size_t at; /* of the proof for PCR 10 */
    const struct lk_tpm_hash *hash;
    struct lk_ima_replay replay;
    bool aggregate_compared;
    struct lk_ima_contents contents;
};

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    return LK_OK;
}

/* The longest bank whose PCR 10 was quoted. Registers of other items do not go up to 10. */
static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)in;
    how->wanted = "a quote of PCR 10";
    item->hash = NULL;
    for (size_t i = 0; i < proofs->n; i++) {
        const struct lk_proof *p = &proofs->p[i];
        const struct lk_tpm_hash *hash = p->kind == LK_PROOF_REGISTER && p->index == IMA_PCR ? lk_tpm_hash(p->alg) : NULL;
        if (hash == NULL || (item->hash != NULL && item->hash->size >= hash->size))
            continue;
        item->hash = hash;
        item->at = i;
        how->by = p;
    }
    return how->by != NULL ? LK_OK : LK_FAIL(UNANCHORED);
}

static lk_result fail(const struct lk_family_input *in, enum lk_reason_code code, size_t entry)
{
    char rule[32] = "";
    if (entry > 0)
        snprintf(rule, sizeof(rule), "entry %zu", entry);
    return lk_report_add(in->report, code, "ima", rule, "", "");
}

/* The registers of the item that quoted PCR 10: one item's proofs stand together. */
static struct lk_bytes quoted(const struct lk_proofs *proofs, size_t at, uint16_t alg, uint32_t pcr)
{
    size_t from = at, to = at;
    while (from > 0 && proofs->p[from - 1].kind == LK_PROOF_REGISTER)
        from--;
    while (to < proofs->n && proofs->p[to].kind == LK_PROOF_REGISTER)
        to++;
    for (size_t i = from; i < to; i++)
        if (proofs->p[i].alg == alg && proofs->p[i].index == pcr)
            return proofs->p[i].value;
    return LK_BYTES_NONE;
}

/* ima_calc_boot_aggregate: PCR 0 to 7 of the sha1 bank, 0 to 9 of another, with the bank's hash. */
static lk_result check_aggregate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    const struct lk_tpm_hash *hash = item->replay.aggregate_hash;
    struct lk_bytes values[10];
    uint8_t digest[LK_TPM_DIGEST_MAX];
    if (!item->replay.first_is_aggregate)
        return fail(in, LK_R_IMA_BOOT_AGGREGATE, 1);
    if (hash == NULL)
        return LK_OK;
    uint32_t n = hash->alg == LK_TPM_SHA1 ? 8 : 10;
    for (uint32_t i = 0; i < n; i++) {
        values[i] = quoted(proofs, item->at, hash->alg, i);
        if (values[i].data == NULL)
            return LK_OK;
    }
    LK_TRY(lk_tpm_digest(hash, values, n, digest));
    item->aggregate_compared = true;
    struct lk_bytes logged = lk_bytes(item->replay.aggregate, hash->size), actual = lk_bytes(digest, hash->size);
    if (!lk_bytes_eq(logged, actual))
        return lk_report_add_hex(in->report, LK_R_IMA_BOOT_AGGREGATE, "ima", "boot_aggregate", actual, logged);
    return LK_OK;
}

static lk_result read_vouched(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    uint8_t last[LK_TPM_DIGEST_MAX];
    struct lk_bytes pcr10 = proofs->p[item->at].value;
    lk_result r = lk_ima_replay(in->parts[0], item->hash, pcr10, &item->replay, last);
    if (!lk_ok(r))
        return fail(in, r.code, 0);
    if (!item->replay.matched)
        return lk_report_add_hex(in->report, LK_R_IMA_REPLAY, "ima", "pcr 10", pcr10, lk_bytes(last, item->hash->size));
    if (item->replay.mismatch > 0)
        return fail(in, LK_R_IMA_TEMPLATE_HASH, item->replay.mismatch);
    LK_TRY(check_aggregate(in, item, proofs));
    r = lk_ima_contents(in, in->parts[0], item->replay.covered, &item->contents);
    return lk_ok(r) ? r : fail(in, r.code, 0);
}

static struct lk_value flag(bool v)
{
    return (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = v};
}

static struct lk_value number(uint64_t v)
{
    return (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = v};
}

static struct lk_value files(const struct lk_member *m, size_t n)
{
    return (struct lk_value){.kind = LK_KIND_FILES, .present = true, .list = {m, n}};
}

static lk_result claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    (void)in;
    values[C_BOOT_AGGREGATE] = flag(item->aggregate_compared);
    values[C_VIOLATIONS] = number(item->replay.violations);
    values[C_PADDED] = flag(item->replay.padded);
    values[C_ENTRIES] = number(item->replay.covered);
    values[C_TAIL] = number(item->replay.tail);
    values[C_BANK] = (struct lk_value){.kind = LK_KIND_WORD, .present = true, .word = item->hash->name};
    if (item->contents.n_files > 0)
        values[C_FILES] = files(item->contents.files, item->contents.n_files);
    values[C_BUFFERS] = files(item->contents.buffers, item->contents.n_buffers);
    if (item->contents.n_verity > 0)
        values[C_VERITY] = files(item->contents.verity, item->contents.n_verity);
    return LK_OK;
}

const struct lk_family lk_family_ima = {
    .name = "ima",
    .doc = "IMA measurement list: the files that the kernel measured, linked to the quoted PCR 10 that a prefix of it gives",
    .parts = parts,
    .n_parts = sizeof(parts) / sizeof(parts[0]),
    .claims = claims,
    .n_claims = C_COUNT,
    .pcrs = 0x7ff, /* the list's own, and those of the boot for boot_aggregate */
    .parse = parse,
    .authenticate = authenticate,
    .read_vouched = read_vouched,
    .claim = claim,
};
