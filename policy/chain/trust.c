/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/trust.h"

#include "policy/chain/cert.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_ENTRIES 1024

struct family {
    char *name;
    struct lk_trust_cert *certs;
    size_t n;
};

struct collateral {
    struct lk_bytes name, bytes;
    void *owned; /* both, in one allocation; NULL when they are borrowed */
};

struct lk_trust {
    struct lk_cert_cache *cache;
    struct family *families;
    size_t n_families;
    struct collateral *collateral; /* sorted by name */
    size_t n_collateral, room;
};

struct lk_trust *lk_trust_new(void)
{
    struct lk_trust *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->cache = lk_cert_cache_new(CACHE_ENTRIES);
    if (t->cache == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

static void family_free(struct family *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free((void *)(uintptr_t)f->certs[i].name);
        free((void *)(uintptr_t)f->certs[i].der.data);
    }
    free(f->certs);
    free(f->name);
}

void lk_trust_free(struct lk_trust *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n_families; i++)
        family_free(&t->families[i]);
    for (size_t i = 0; i < t->n_collateral; i++)
        free(t->collateral[i].owned);
    free(t->families);
    free(t->collateral);
    lk_cert_cache_free(t->cache);
    free(t);
}

static struct family *find_family(const struct lk_trust *t, const char *name)
{
    for (size_t i = 0; i < t->n_families; i++)
        if (strcmp(t->families[i].name, name) == 0)
            return &t->families[i];
    return NULL;
}

static struct family *get_family(struct lk_trust *t, const char *name)
{
    struct family *f = find_family(t, name);
    if (f != NULL)
        return f;
    struct family *grown = reallocarray(t->families, t->n_families + 1, sizeof(*grown));
    if (grown == NULL)
        return NULL;
    t->families = grown;
    char *copy = strdup(name);
    if (copy == NULL)
        return NULL;
    f = &t->families[t->n_families++];
    *f = (struct family){.name = copy};
    return f;
}

static uint8_t *copy_bytes(struct lk_bytes b)
{
    uint8_t *copy = malloc(b.len > 0 ? b.len : 1);
    if (copy != NULL && b.len > 0)
        memcpy(copy, b.data, b.len);
    return copy;
}

static lk_result add_cert(struct lk_trust *t, const char *family, const char *name, struct lk_bytes der, bool anchor)
{
    const struct lk_cert *parsed;
    LK_TRY(lk_cert_get(t->cache, der, &parsed));
    lk_cert_cache_release(t->cache);
    struct family *f = get_family(t, family);
    LK_REQUIRE(f != NULL, MEMORY);
    struct lk_trust_cert *grown = reallocarray(f->certs, f->n + 1, sizeof(*grown));
    LK_REQUIRE(grown != NULL, MEMORY);
    f->certs = grown;
    char *name_copy = strdup(name);
    uint8_t *der_copy = copy_bytes(der);
    if (name_copy == NULL || der_copy == NULL) {
        free(name_copy);
        free(der_copy);
        return LK_FAIL(MEMORY);
    }
    f->certs[f->n++] = (struct lk_trust_cert){name_copy, lk_bytes(der_copy, der.len), anchor};
    return LK_OK;
}

lk_result lk_trust_add_anchor(struct lk_trust *t, const char *family, const char *name, struct lk_bytes der)
{
    return add_cert(t, family, name, der, true);
}

lk_result lk_trust_add_intermediate(struct lk_trust *t, const char *family, struct lk_bytes der)
{
    return add_cert(t, family, "", der, false);
}

static int compare(struct lk_bytes a, struct lk_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.data, b.data, n);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* Index of the first name that is not less. */
static size_t lower_bound(const struct lk_trust *t, struct lk_bytes name)
{
    size_t lo = 0, hi = t->n_collateral;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare(t->collateral[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool at(const struct lk_trust *t, size_t i, struct lk_bytes name)
{
    return i < t->n_collateral && lk_bytes_eq(t->collateral[i].name, name);
}

static bool grow(struct lk_trust *t)
{
    if (t->n_collateral < t->room)
        return true;
    size_t room = t->room == 0 ? 64 : 2 * t->room;
    struct collateral *grown = reallocarray(t->collateral, room, sizeof(*grown));
    if (grown == NULL)
        return false;
    t->collateral = grown;
    t->room = room;
    return true;
}

static lk_result put(struct lk_trust *t, struct collateral c)
{
    size_t last = t->n_collateral;
    bool behind = last > 0 && compare(t->collateral[last - 1].name, c.name) < 0; /* in order, as a snapshot has them */
    size_t i = behind ? last : lower_bound(t, c.name);
    if (at(t, i, c.name)) {
        free(t->collateral[i].owned);
        t->collateral[i] = c;
        return LK_OK;
    }
    LK_REQUIRE(grow(t), MEMORY);
    memmove(&t->collateral[i + 1], &t->collateral[i], (last - i) * sizeof(c));
    t->collateral[i] = c;
    t->n_collateral++;
    return LK_OK;
}

lk_result lk_trust_lend_collateral(struct lk_trust *t, struct lk_bytes name, struct lk_bytes bytes)
{
    return put(t, (struct collateral){name, bytes, NULL});
}

lk_result lk_trust_add_collateral(struct lk_trust *t, const char *name, struct lk_bytes bytes)
{
    size_t n = strlen(name);
    uint8_t *copy = malloc(n + bytes.len + 1);
    LK_REQUIRE(copy != NULL, MEMORY);
    memcpy(copy, name, n);
    if (bytes.len > 0)
        memcpy(copy + n, bytes.data, bytes.len);
    lk_result r = put(t, (struct collateral){lk_bytes(copy, n), lk_bytes(copy + n, bytes.len), copy});
    if (!lk_ok(r))
        free(copy);
    return r;
}

const struct lk_trust_cert *lk_trust_certs(const struct lk_trust *t, const char *family, size_t *n)
{
    const struct family *f = find_family(t, family);
    *n = f == NULL ? 0 : f->n;
    return f == NULL ? NULL : f->certs;
}

struct lk_bytes lk_trust_collateral(const struct lk_trust *t, const char *name)
{
    size_t i = lower_bound(t, lk_bytes_str(name));
    return at(t, i, lk_bytes_str(name)) ? t->collateral[i].bytes : LK_BYTES_NONE;
}

struct lk_cert_cache *lk_trust_cache(const struct lk_trust *t)
{
    return t->cache;
}
