/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/path.h"

#define SIGNATURES_MAX 64 /* verifications for one path: made-up chains of equal names cannot ask for more */

struct candidates {
    const struct lk_trust_cert *trusted;
    size_t n_trusted;
    const struct lk_bytes *extra;
    size_t n_extra;
    const struct lk_pin *pins;
    size_t n_pins;
};

/* What is wrong with the path so far, and the certificate that it is wrong with. */
struct flaw {
    lk_result why;
    const struct lk_cert *of;
};

struct search {
    struct lk_cert_cache *cache;
    struct candidates from;
    int64_t at;
    struct lk_path *path;
    unsigned signatures;
    struct flaw worst; /* why the best failure so far failed; of is NULL where it is of no one certificate */
};

struct candidate {
    struct lk_bytes der;
    const char *anchor; /* NULL: not an anchor */
};

static struct candidate candidate_at(const struct candidates *from, size_t i)
{
    if (i >= from->n_trusted)
        return (struct candidate){from->extra[i - from->n_trusted], NULL};
    const struct lk_trust_cert *t = &from->trusted[i];
    return (struct candidate){t->der, t->anchor ? t->name : NULL};
}

/* NULL: it is no pin. */
static const char *pin_name(const struct candidates *from, const struct lk_cert *cert)
{
    for (size_t i = 0; i < from->n_pins; i++)
        if (lk_bytes_eq(LK_BYTES(from->pins[i].sha256), LK_BYTES(cert->fingerprint)))
            return from->pins[i].name;
    return NULL;
}

static bool on_path(const struct lk_path *path, const struct lk_cert *cert)
{
    for (size_t i = 0; i < path->n; i++)
        if (path->certs[i] == cert)
            return true;
    return false;
}

/* The first thing that is wrong with cert as the issuer of what is on the path so far. */
static lk_result issuer_flaw(const struct search *s, const struct lk_cert *cert)
{
    LK_TRY(lk_cert_may_issue(cert, (int)s->path->n - 1));
    return lk_cert_valid_at(cert, s->at);
}

/* UNANCHORED gives way to CERT_SIGNATURE, and both to what is wrong on a whole path. */
static void remember(struct search *s, struct flaw flaw)
{
    enum lk_reason_code worst = s->worst.why.code;
    if (worst == LK_R_UNANCHORED || (worst == LK_R_CERT_SIGNATURE && flaw.why.code != LK_R_UNANCHORED))
        s->worst = flaw;
}

static lk_result extend(struct search *s, struct flaw flaw);

/* The path has reached an anchor. */
static lk_result arrive(struct search *s, const char *anchor, struct flaw flaw)
{
    if (lk_ok(flaw.why))
        s->path->anchor = anchor;
    else
        remember(s, flaw);
    return flaw.why;
}

/* OK when the path goes through this candidate to an anchor without a flaw. */
static lk_result try_candidate(struct search *s, const struct candidate *c, struct flaw flaw)
{
    const struct lk_cert *cert, *child = s->path->certs[s->path->n - 1];
    LK_TRY(lk_cert_get(s->cache, c->der, &cert));
    LK_REQUIRE(!on_path(s->path, cert) && s->signatures < SIGNATURES_MAX, UNANCHORED);
    lk_result signature = lk_cert_signed_by(s->cache, child, cert);
    if (signature.code == LK_R_CERT_ISSUER_NAME)
        return LK_FAIL(UNANCHORED);
    s->signatures++;
    LK_TRY(signature);
    if (lk_ok(flaw.why))
        flaw = (struct flaw){issuer_flaw(s, cert), cert};
    s->path->certs[s->path->n++] = cert;
    const char *anchor = c->anchor != NULL ? c->anchor : pin_name(&s->from, cert);
    lk_result r = anchor != NULL ? arrive(s, anchor, flaw) : extend(s, flaw);
    s->path->pinned = lk_ok(r) && (anchor == NULL ? s->path->pinned : c->anchor == NULL);
    if (!lk_ok(r))
        s->path->n--;
    return r;
}

static lk_result extend(struct search *s, struct flaw flaw)
{
    LK_REQUIRE(s->path->n < LK_CERT_CHAIN_MAX, UNANCHORED);
    lk_result best = LK_FAIL(UNANCHORED);
    for (size_t i = 0; i < s->from.n_trusted + s->from.n_extra; i++) {
        struct candidate c = candidate_at(&s->from, i);
        lk_result r = try_candidate(s, &c, flaw);
        if (lk_ok(r))
            return r;
        remember(s, (struct flaw){r, NULL});
        if (r.code != LK_R_UNANCHORED)
            best = r;
    }
    return best;
}

static bool any_weak(const struct lk_path *path)
{
    for (size_t i = 0; i + 1 < path->n; i++)
        if (lk_cert_weak_digest(path->certs[i]))
            return true;
    return false;
}

lk_result lk_path_find(const struct lk_trust *trust, const char *family, const struct lk_cert *leaf,
                       const struct lk_bytes *extra, size_t n_extra, int64_t at, struct lk_path *out)
{
    return lk_path_find_pinned(trust, family, NULL, 0, leaf, extra, n_extra, at, out);
}

lk_result lk_path_find_pinned(const struct lk_trust *trust, const char *family, const struct lk_pin *pins, size_t n_pins,
                              const struct lk_cert *leaf, const struct lk_bytes *extra, size_t n_extra, int64_t at,
                              struct lk_path *out)
{
    *out = (struct lk_path){.certs = {leaf}, .n = 1};
    struct search s = {.cache = lk_trust_cache(trust), .from = {.extra = extra, .n_extra = n_extra, .pins = pins, .n_pins = n_pins}, .at = at,
                       .path = out, .worst = {LK_FAIL(UNANCHORED), NULL}};
    s.from.trusted = lk_trust_certs(trust, family, &s.from.n_trusted);
    if (!lk_ok(extend(&s, (struct flaw){lk_cert_valid_at(leaf, at), leaf}))) {
        enum lk_reason_code why = s.worst.why.code;
        out->outdated = why == LK_R_CERT_EXPIRED || why == LK_R_CERT_NOT_YET_VALID ? s.worst.of : NULL;
        return s.worst.why;
    }
    out->weak = any_weak(out);
    return LK_OK;
}
