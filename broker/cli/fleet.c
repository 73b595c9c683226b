/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/fleet.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/evidence/sev_snp/product.h"

#define WORDS_MAX 5
#define WORD_MAX 130

struct reading {
    char word[WORDS_MAX][WORD_MAX];
    size_t n;
    const char *product;
    void (*piece)(void *context, const struct lk_fleet_piece *p);
    void *context;
    const char *flaw;
};

static void put(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct reading *r, const char *fmt, ...)
{
    struct lk_fleet_piece p = {.product = r->product};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p.name, sizeof(p.name), fmt, ap);
    va_end(ap);
    r->piece(r->context, &p);
}

static bool hex(const char *word, size_t bytes)
{
    uint8_t out[64];
    return lk_unhex(word, strlen(word), out, sizeof(out)) == (ptrdiff_t)bytes;
}

static const struct lk_snp_product *product_of(struct reading *r)
{
    const struct lk_snp_product *p = lk_snp_product_by_word(lk_bytes_str(r->word[1]));
    if (p == NULL)
        r->flaw = "the product is milan, genoa or turin";
    else
        r->product = p->word;
    return p;
}

/* sev-snp genoa CHIP_ID TCB */
static void snp(struct reading *r)
{
    const struct lk_snp_product *p = product_of(r);
    if (p == NULL)
        return;
    if (!hex(r->word[2], p->hwid_len))
        r->flaw = p->hwid_len == 64 ? "the chip id has 128 hex digits" : "the chip id of this product has 16 hex digits";
    else if (!hex(r->word[3], LK_SNP_TCB_BYTES))
        r->flaw = "the TCB has 16 hex digits";
    if (r->flaw != NULL)
        return;
    put(r, "sev-snp/vek/%s/%s", r->word[2], r->word[3]);
    put(r, "sev-snp/chain/%s", p->word);
    put(r, "sev-snp/crl/%s", p->word);
}

/* sev-vlek milan TCB */
static void vlek(struct reading *r)
{
    const struct lk_snp_product *p = product_of(r);
    if (p == NULL)
        return;
    if (!hex(r->word[2], LK_SNP_TCB_BYTES)) {
        r->flaw = "the TCB has 16 hex digits";
        return;
    }
    put(r, "sev-snp/vlek/%s/%s", p->word, r->word[2]);
    put(r, "sev-snp/chain/%s-vlek", p->word);
    put(r, "sev-snp/crl/%s", p->word);
}

/* tdx FMSPC platform, sgx FMSPC processor */
static void dcap(struct reading *r)
{
    const char *tee = r->word[0], *ca = r->word[2];
    if (!hex(r->word[1], 6))
        r->flaw = "the FMSPC has 12 hex digits";
    else if (strcmp(ca, "platform") != 0 && strcmp(ca, "processor") != 0)
        r->flaw = "the CA is platform or processor";
    if (r->flaw != NULL)
        return;
    put(r, "%s/tcb-info/%s", tee, r->word[1]);
    put(r, "%s/qe-identity", tee);
    put(r, "sgx/tcb-chain");
    put(r, "sgx/pck-crl/%s", ca);
    put(r, "sgx/root-crl");
}

static const struct {
    const char *family;
    size_t n_words;
    void (*read)(struct reading *r);
} rows[] = {{"sev-snp", 4, snp}, {"sev-vlek", 3, vlek}, {"tdx", 3, dcap}, {"sgx", 3, dcap}};

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The words of a line, in lower case; one that is too long, or one too many, is a flaw. */
static void split(struct reading *r, struct lk_bytes line)
{
    r->n = 0;
    for (size_t i = 0; i < line.len && line.data[i] != '#';) {
        size_t len = 0;
        if (blank(line.data[i])) {
            i++;
            continue;
        }
        if (r->n == WORDS_MAX) {
            r->flaw = "too many words";
            return;
        }
        for (; i < line.len && !blank(line.data[i]) && line.data[i] != '#' && len < WORD_MAX - 1; i++)
            r->word[r->n][len++] = (char)tolower(line.data[i]);
        r->word[r->n++][len] = '\0';
        if (len == WORD_MAX - 1)
            r->flaw = "a word is too long";
    }
}

static void read_line(struct reading *r, struct lk_bytes line)
{
    r->product = NULL;
    split(r, line);
    if (r->flaw != NULL || r->n == 0)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].family, r->word[0]) != 0)
            continue;
        if (rows[i].n_words == r->n)
            rows[i].read(r);
        else
            r->flaw = "a word is missing or too many";
        return;
    }
    r->flaw = "the family is sev-snp, sev-vlek, tdx or sgx";
}

lk_result lk_fleet_read(struct lk_bytes text, void (*piece)(void *context, const struct lk_fleet_piece *p), void *context,
                        struct lk_fleet_flaw *flaw)
{
    struct reading r = {.piece = piece, .context = context};
    *flaw = (struct lk_fleet_flaw){0};
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.data) - at;
        flaw->line++;
        read_line(&r, lk_bytes(text.data + at, len));
        flaw->what = r.flaw;
        LK_REQUIRE(r.flaw == NULL, FLEET);
        at += len + 1;
    }
    return LK_OK;
}
