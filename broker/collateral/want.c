/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/collateral/want.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "policy/evidence/sev_snp/product.h"

#define WORDS_MAX 4

/* The root's list is no part of Intel's service itself but stands where its root certificate says. */
#define INTEL_SERVICE "https://api.trustedservices.intel.com"
#define INTEL_ROOT_CRL "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

const char *lk_vendor_name(enum lk_vendor v)
{
    return v == LK_VENDOR_AMD ? "amd" : "intel";
}

static bool url_character(char c)
{
    return isalnum((unsigned char)c) || strchr("-._~/:[]%", c) != NULL;
}

lk_result lk_services_set(struct lk_services *s, enum lk_vendor v, const char *url)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    LK_REQUIRE(n > 8 && n < LK_WANT_BASE_MAX && memcmp(url, "https://", 8) == 0, USAGE);
    for (size_t i = 0; i < n; i++)
        LK_REQUIRE(url_character(url[i]), USAGE);
    snprintf(s->base[v], LK_WANT_BASE_MAX, "%.*s", (int)n, url);
    return LK_OK;
}

/* A name as it is being read: the words between its slashes. */
struct reading {
    const struct lk_services *s;
    struct lk_bytes word[WORDS_MAX], product;
    size_t n;
    struct lk_want *want;
};

static bool word_is(const struct reading *r, size_t i, const char *text)
{
    return i < r->n && lk_bytes_eq(r->word[i], lk_bytes_str(text));
}

/* Lower-case hex of exactly so many bytes. */
static bool hex_word(const struct reading *r, size_t i, size_t bytes, uint8_t *out)
{
    struct lk_bytes w = r->word[i];
    for (size_t k = 0; k < w.len; k++)
        if (isupper(w.data[k]))
            return false;
    return lk_unhex((const char *)w.data, w.len, out, bytes) == (ptrdiff_t)bytes;
}

/* Writes the next URL: the service's base and a path. */
static lk_result put_url(struct reading *r, enum lk_vendor v, enum lk_answer_form form, const char *path)
{
    struct lk_want *w = r->want;
    LK_REQUIRE(r->s->base[v][0] != '\0', VENDOR_NOT_NAMED);
    w->vendor = v;
    w->form = form;
    int n = snprintf(w->url[w->n_urls], LK_WANT_URL_MAX, "%s%s", r->s->base[v], path);
    LK_REQUIRE(n > 0 && n < LK_WANT_URL_MAX, VENDOR_NAME);
    w->n_urls++;
    return LK_OK;
}

/* sev-snp/chain/milan, sev-snp/chain/milan-vlek */
static lk_result snp_chain(struct reading *r)
{
    static const char tail[] = "-vlek";
    struct lk_bytes word = r->word[2];
    bool vlek = word.len > sizeof(tail) - 1 && memcmp(word.data + word.len - (sizeof(tail) - 1), tail, sizeof(tail) - 1) == 0;
    if (vlek)
        word.len -= sizeof(tail) - 1;
    const struct lk_snp_product *p = lk_snp_product_by_word(word);
    char path[64];
    LK_REQUIRE(p != NULL, VENDOR_NAME);
    snprintf(path, sizeof(path), "/%s/v1/%s/cert_chain", vlek ? "vlek" : "vcek", p->name);
    return put_url(r, LK_VENDOR_AMD, LK_ANSWER_CHAIN, path);
}

/* sev-snp/crl/milan */
static lk_result snp_crl(struct reading *r)
{
    const struct lk_snp_product *p = lk_snp_product_by_word(r->word[2]);
    char path[64];
    LK_REQUIRE(p != NULL, VENDOR_NAME);
    snprintf(path, sizeof(path), "/vcek/v1/%s/crl", p->name);
    return put_url(r, LK_VENDOR_AMD, LK_ANSWER_CRL, path);
}

/* A byte that the layout reserves must be zero: else this is no TCB of the product. */
static bool tcb_fits(const struct lk_snp_product *p, const uint8_t tcb[static LK_SNP_TCB_BYTES])
{
    for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++)
        if (tcb[i] > p->tcb[i].max)
            return false;
    return true;
}

static lk_result vcek_of(struct reading *r, const char *word)
{
    const struct lk_snp_product *p = lk_snp_product_by_word(lk_bytes_str(word));
    uint8_t chip[64], tcb[LK_SNP_TCB_BYTES];
    char query[LK_SNP_TCB_QUERY], path[320];
    LK_REQUIRE(hex_word(r, 2, p->hwid_len, chip) && hex_word(r, 3, sizeof(tcb), tcb) && tcb_fits(p, tcb), VENDOR_NAME);
    lk_snp_tcb_query(p, tcb, query);
    snprintf(path, sizeof(path), "/vcek/v1/%s/%.*s?%s", p->name, (int)r->word[2].len, r->word[2].data, query);
    return put_url(r, LK_VENDOR_AMD, LK_ANSWER_CERT, path);
}

/* sev-snp/vek/CHIP/TCB: the length of the chip id tells Turin from the others, nothing tells Milan from Genoa. */
static lk_result snp_vcek(struct reading *r)
{
    LK_REQUIRE(r->n == 4, VENDOR_NAME);
    if (r->product.data != NULL) {
        const struct lk_snp_product *p = lk_snp_product_by_word(r->product);
        LK_REQUIRE(p != NULL, VENDOR_NAME);
        return vcek_of(r, p->word);
    }
    if (r->word[2].len == 16)
        return vcek_of(r, "turin");
    LK_TRY(vcek_of(r, "milan"));
    return vcek_of(r, "genoa");
}

static lk_result snp_vlek(struct reading *r)
{
    uint8_t tcb[LK_SNP_TCB_BYTES];
    LK_REQUIRE(r->n == 4 && hex_word(r, 3, sizeof(tcb), tcb), VENDOR_NAME);
    return LK_FAIL(VENDOR_VLEK);
}

static lk_result put_document(struct reading *r, enum lk_answer_form form, const char *tee, const char *what)
{
    char path[128];
    r->want->chain = "sgx/tcb-chain";
    const char *update = r->s->update;
    snprintf(path, sizeof(path), "/%s/certification/v4/%s%s%s%s", tee, what,
             update == NULL ? "" : strchr(what, '?') == NULL ? "?" : "&", update == NULL ? "" : "update=",
             update == NULL ? "" : update);
    return put_url(r, LK_VENDOR_INTEL, form, path);
}

/* tdx/tcb-info/FMSPC */
static lk_result tcb_info(struct reading *r)
{
    uint8_t fmspc[6];
    char what[40];
    LK_REQUIRE(hex_word(r, 2, sizeof(fmspc), fmspc), VENDOR_NAME);
    snprintf(what, sizeof(what), "tcb?fmspc=%.*s", (int)r->word[2].len, r->word[2].data);
    return put_document(r, LK_ANSWER_TCB_INFO, word_is(r, 0, "tdx") ? "tdx" : "sgx", what);
}

static lk_result qe_identity(struct reading *r)
{
    return put_document(r, LK_ANSWER_QE_IDENTITY, word_is(r, 0, "tdx") ? "tdx" : "sgx", "qe/identity");
}

/* Every signed document brings it; the identity needs no FMSPC. */
static lk_result tcb_chain(struct reading *r)
{
    r->want->chain_only = true;
    return put_document(r, LK_ANSWER_QE_IDENTITY, "sgx", "qe/identity");
}

/* sgx/pck-crl/platform, sgx/pck-crl/processor, and sgx/pck-chain of both */
static lk_result pck_crl(struct reading *r)
{
    char path[96];
    bool platform = word_is(r, 2, "platform");
    LK_REQUIRE(platform || word_is(r, 2, "processor"), VENDOR_NAME);
    r->want->chain = platform ? "sgx/pck-chain/platform" : "sgx/pck-chain/processor";
    r->want->chain_only = word_is(r, 1, "pck-chain");
    snprintf(path, sizeof(path), "/sgx/certification/v4/pckcrl?ca=%.*s&encoding=der", (int)r->word[2].len, r->word[2].data);
    return put_url(r, LK_VENDOR_INTEL, LK_ANSWER_CRL, path);
}

static lk_result root_crl(struct reading *r)
{
    LK_TRY(put_url(r, LK_VENDOR_INTEL, LK_ANSWER_CRL, "/sgx/certification/v4/rootcacrl"));
    if (strcmp(r->s->base[LK_VENDOR_INTEL], INTEL_SERVICE) == 0)
        snprintf(r->want->url[0], LK_WANT_URL_MAX, "%s", INTEL_ROOT_CRL);
    return LK_OK;
}

static const struct {
    const char *family, *what;
    size_t n_words;
    lk_result (*read)(struct reading *r);
} rows[] = {
    {"sev-snp", "vek", 4, snp_vcek},     {"sev-snp", "vlek", 4, snp_vlek}, {"sev-snp", "chain", 3, snp_chain},
    {"sev-snp", "crl", 3, snp_crl},      {"tdx", "tcb-info", 3, tcb_info}, {"sgx", "tcb-info", 3, tcb_info},
    {"tdx", "qe-identity", 2, qe_identity}, {"sgx", "qe-identity", 2, qe_identity}, {"sgx", "tcb-chain", 2, tcb_chain},
    {"sgx", "pck-crl", 3, pck_crl},      {"sgx", "pck-chain", 3, pck_crl}, {"sgx", "root-crl", 2, root_crl},
};

static bool split(struct lk_bytes name, struct reading *r)
{
    const uint8_t *end = name.data + name.len;
    for (const uint8_t *p = name.data;; p++) {
        const uint8_t *slash = memchr(p, '/', (size_t)(end - p));
        if (r->n == WORDS_MAX)
            return false;
        r->word[r->n++] = lk_bytes(p, (size_t)((slash == NULL ? end : slash) - p));
        if (slash == NULL)
            return true;
        p = slash;
    }
}

lk_result lk_want(const struct lk_services *s, struct lk_bytes name, struct lk_bytes product, struct lk_want *out)
{
    struct reading r = {.s = s, .product = product, .want = out};
    *out = (struct lk_want){0};
    LK_REQUIRE(name.len > 0 && name.len < sizeof(out->name), VENDOR_NAME);
    for (size_t i = 0; i < name.len; i++)
        LK_REQUIRE(isgraph(name.data[i]), VENDOR_NAME);
    memcpy(out->name, name.data, name.len);
    LK_REQUIRE(split(name, &r), VENDOR_NAME);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (r.n == rows[i].n_words && word_is(&r, 0, rows[i].family) && word_is(&r, 1, rows[i].what))
            return rows[i].read(&r);
    return LK_FAIL(VENDOR_NAME);
}

bool lk_want_file(const struct lk_want *w, char *out, size_t size)
{
    bool document = !w->chain_only && (w->form == LK_ANSWER_TCB_INFO || w->form == LK_ANSWER_QE_IDENTITY);
    int n = snprintf(out, size, "%s%s", w->name, document ? ".json" : ".der");
    for (char *p = out; *p != '\0'; p++)
        if (*p == '/')
            *p = '_';
    return n > 0 && (size_t)n < size;
}
