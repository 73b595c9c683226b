/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/sets.h"
#include "policy/appraise/text.h"
#include "proto/msg/unpack.h"

#include "policy.pb-c.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define FIELD_MEMBERS 8 /* ReferenceSet.members */

lk_result lk_set_file_member(const struct lk_member *file, uint8_t out[static LK_SET_FILE_LEN])
{
    static const char domain[] = "latchkey-file-v1"; /* with its NUL */
    uint8_t head[sizeof(domain) + 4];
    LK_REQUIRE(file->digest.len <= UINT16_MAX, INTERNAL);
    memcpy(head, domain, sizeof(domain));
    head[sizeof(domain)] = (uint8_t)(file->alg >> 8);
    head[sizeof(domain) + 1] = (uint8_t)file->alg;
    head[sizeof(domain) + 2] = (uint8_t)(file->digest.len >> 8);
    head[sizeof(domain) + 3] = (uint8_t)file->digest.len;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, head, sizeof(head)) == 1 &&
                EVP_DigestUpdate(ctx, file->digest.data, file->digest.len) == 1 &&
                EVP_DigestUpdate(ctx, file->name.data, file->name.len) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return done ? LK_OK : LK_FAIL(CRYPTO);
}

/* ---- loading ---- */

static lk_result flaw(struct lk_report *report, const struct lk_set_part *p, const char *what, const char *expected)
{
    char rule[LK_FINDING_TEXT + 1];
    snprintf(rule, sizeof(rule), "%.64s/%.16s/%u", p->set, p->version, (unsigned)p->part);
    return lk_report_add(report, LK_R_SET_MALFORMED, "", rule, expected, what);
}

static bool strictly_ascending(const struct lk_set_part *p)
{
    for (size_t i = 1; i < p->n; i++)
        if (memcmp(p->members + (i - 1) * p->width, p->members + i * p->width, p->width) >= 0)
            return false;
    return true;
}

static bool version_ok(const char *version)
{
    return strlen(version) == 16 && strspn(version, "0123456789abcdef") == 16;
}

static lk_result check_part(const struct lk_set_part *p, size_t bytes, struct lk_report *report)
{
    if (!lk_policy_name_ok(p->set))
        return flaw(report, p, "another name", "a name");
    if (!version_ok(p->version))
        return flaw(report, p, "another version", "16 hex digits");
    if (p->parts == 0 || p->parts > LK_SET_PARTS_MAX || p->part == 0 || p->part > p->parts)
        return flaw(report, p, "another part", "a part of 1 to 512");
    if (p->width == 0)
        return flaw(report, p, "another kind or algorithm", "files, or digests of sha1, sha256, sha384 or sha512");
    if (bytes == 0 || bytes % p->width != 0)
        return flaw(report, p, "another length", "whole members, one at least");
    return strictly_ascending(p) ? LK_OK : flaw(report, p, "another order", "members in strictly ascending order");
}

static size_t width_of(const Latchkey__V1__ReferenceSet *m)
{
    if (m->kind == LATCHKEY__V1__REFERENCE_SET__MEMBERS__FILES)
        return m->algorithm == 0 ? LK_SET_FILE_LEN : 0;
    if (m->kind != LATCHKEY__V1__REFERENCE_SET__MEMBERS__DIGESTS || m->algorithm > UINT16_MAX)
        return 0;
    return lk_bank_size((uint16_t)(m->algorithm & ~(unsigned)LK_DIGEST_VERITY));
}

lk_result lk_set_part_read(struct lk_arena *arena, struct lk_bytes message, struct lk_report *report, struct lk_set_part *out)
{
    void *unpacked;
    struct lk_bytes members;
    LK_TRY(lk_msg_unpack_apart(&latchkey__v1__reference_set__descriptor, message, FIELD_MEMBERS, arena, &LK_MSG_LIMITS_SET,
                               &unpacked, &members));
    const Latchkey__V1__ReferenceSet *m = unpacked;
    *out = (struct lk_set_part){.set = m->name, .version = m->version, .part = m->part, .parts = m->parts,
                                .files = m->kind == LATCHKEY__V1__REFERENCE_SET__MEMBERS__FILES,
                                .alg = (uint16_t)m->algorithm, .width = width_of(m), .members = members.data};
    out->n = out->width == 0 ? 0 : members.len / out->width;
    if (m->schema != 1)
        return flaw(report, out, "another schema", "schema 1");
    return check_part(out, members.len, report);
}

lk_result lk_policyset_add_set(struct lk_policyset *s, struct lk_bytes message, struct lk_report *report)
{
    LK_REQUIRE(s->n_set_parts < LK_SETS_PARTS_MAX, POLICY_LIMIT);
    struct lk_set_part *p = &s->set_parts[s->n_set_parts];
    LK_TRY(lk_set_part_read(s->arena, message, report, p));
    for (size_t i = 0; i < s->n_set_parts; i++) {
        const struct lk_set_part *o = &s->set_parts[i];
        if (strcmp(o->set, p->set) == 0 && strcmp(o->version, p->version) == 0 && o->part == p->part)
            return flaw(report, p, "twice", "each part once");
    }
    s->n_set_parts++;
    return LK_OK;
}

/* ---- looking up ---- */

/* Each part stands once in a policy set: as many as the version has are all of them. */
static bool complete(const struct lk_policyset *s, const struct lk_set_part *p)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s->n_set_parts; i++) {
        const struct lk_set_part *o = &s->set_parts[i];
        if (strcmp(o->set, p->set) == 0 && strcmp(o->version, p->version) == 0 && o->parts == p->parts)
            n++;
    }
    return n == p->parts;
}

lk_result lk_set_view_add(struct lk_set_view *view, const struct lk_policyset *set, const char *name)
{
    bool some = false, whole = false;
    for (size_t i = 0; i < set->n_set_parts; i++) {
        const struct lk_set_part *p = &set->set_parts[i];
        if (strcmp(p->set, name) != 0)
            continue;
        some = true;
        if (!complete(set, p))
            continue;
        whole = true;
        LK_REQUIRE(view->n < LK_SETS_PARTS_MAX, INTERNAL);
        view->parts[view->n++] = p;
    }
    LK_REQUIRE(some, REFERENCE_SET_MISSING);
    LK_REQUIRE(whole, REFERENCE_SET_PART);
    return LK_OK;
}

static bool part_has(const struct lk_set_part *p, const uint8_t *member)
{
    size_t lo = 0, hi = p->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = memcmp(p->members + mid * p->width, member, p->width);
        if (c == 0)
            return true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

/* Parts of one set follow each other: all but one are passed by their ends. */
static bool may_have(const struct lk_set_part *p, const uint8_t *member)
{
    return memcmp(p->members, member, p->width) <= 0 && memcmp(p->members + (p->n - 1) * p->width, member, p->width) >= 0;
}

lk_result lk_set_view_find(const struct lk_set_view *view, const struct lk_member *file, bool *found)
{
    uint8_t member[LK_SET_FILE_LEN];
    bool made = false;
    *found = false;
    for (size_t i = 0; i < view->n && !*found; i++) {
        const struct lk_set_part *p = view->parts[i];
        if (p->files && !made)
            LK_TRY(lk_set_file_member(file, member));
        made = made || p->files;
        bool fits = p->files || (p->alg == file->alg && p->width == file->digest.len);
        const uint8_t *wanted = p->files ? member : file->digest.data;
        *found = fits && may_have(p, wanted) && part_has(p, wanted);
    }
    return LK_OK;
}
