/* SPDX-License-Identifier: Apache-2.0 */
/* AMD's certificate profiles, as data (publication 57230), and the certificate table. */
#include "tests/emulators/amd_sp/amd_sp.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_2020 1577836800
#define YEAR_2045 2366841600
#define AMD_ARC "1.3.6.1.4.1.3704.1."

static const struct {
    const char *name, *vcek_product_name;
    long ark, ask, asvk; /* serials */
    uint8_t struct_version;
    size_t hwid;
    /* Extensions in their order, and the byte of the TCB that each certifies. */
    struct {
        const char *oid;
        int byte;
    } spl[8];
} products[] = {
    {"Milan", "Milan-B0", 0x10000, 0x10001, 0x10101, 0, 64,
     {{"3.1", 0}, {"3.2", 1}, {"3.4", 2}, {"3.5", 3}, {"3.6", 4}, {"3.7", 5}, {"3.3", 6}, {"3.8", 7}}},
    {"Genoa", "Genoa", 0x20000, 0x20002, 0x20101, 0, 64,
     {{"3.1", 0}, {"3.2", 1}, {"3.4", 2}, {"3.5", 3}, {"3.6", 4}, {"3.7", 5}, {"3.3", 6}, {"3.8", 7}}},
    {"Turin", "Turin", 0x30000, 0x30001, 0x30101, 1, 8,
     {{"3.9", 0}, {"3.1", 1}, {"3.2", 2}, {"3.3", 3}, {"3.5", 4}, {"3.6", 5}, {"3.7", 6}, {"3.8", 7}}},
};

const char *amd_sp_product_name(enum amd_sp_product product)
{
    return products[product].name;
}

static struct amd_sp_profile ca_profile(const char *subject, const char *issuer, enum amd_sp_product product, long serial)
{
    struct amd_sp_profile p = {.serial = serial, .not_before = YEAR_2020, .not_after = YEAR_2045};
    snprintf(p.subject, sizeof(p.subject), "%s-%s", subject, products[product].name);
    snprintf(p.issuer, sizeof(p.issuer), "%s-%s", issuer, products[product].name);
    return p;
}

struct amd_sp_profile amd_sp_ark_profile(enum amd_sp_product product)
{
    struct amd_sp_profile p = ca_profile("ARK", "ARK", product, products[product].ark);
    p.basic_constraints = "critical,CA:TRUE";
    p.key_usage = "critical,keyCertSign,cRLSign";
    return p;
}

struct amd_sp_profile amd_sp_intermediate_profile(enum amd_sp_product product, enum amd_sp_key kind)
{
    bool vlek = kind == AMD_SP_VLEK;
    struct amd_sp_profile p = ca_profile(vlek ? "SEV-VLEK" : "SEV", "ARK", product,
                                         vlek ? products[product].asvk : products[product].ask);
    p.basic_constraints = "critical,CA:TRUE,pathlen:0";
    p.key_usage = "critical,keyCertSign";
    return p;
}

static const char *full_oid(const char *suffix)
{
    static const char *const known[] = {"1",   "2",   "3.1", "3.2", "3.3", "3.4", "3.5",
                                        "3.6", "3.7", "3.8", "3.9", "4",   "5",   "6"};
    static char texts[14][40];
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(known[i], suffix) == 0) {
            snprintf(texts[i], sizeof(texts[i]), "%s%s", AMD_ARC, suffix);
            return texts[i];
        }
    return suffix; /* a whole OID of the caller's */
}

struct amd_sp_extension *amd_sp_extension(struct amd_sp_profile *p, const char *suffix)
{
    for (size_t i = 0; i < p->n_ext; i++)
        if (strcmp(p->ext[i].oid, full_oid(suffix)) == 0)
            return &p->ext[i];
    return NULL;
}

void amd_sp_extension_remove(struct amd_sp_profile *p, const char *suffix)
{
    struct amd_sp_extension *e = amd_sp_extension(p, suffix);
    if (e == NULL)
        abort();
    size_t at = (size_t)(e - p->ext);
    memmove(e, e + 1, (p->n_ext - at - 1) * sizeof(*e));
    p->n_ext--;
}

struct amd_sp_extension *amd_sp_extension_add(struct amd_sp_profile *p, const char *suffix, const void *value, size_t n)
{
    struct amd_sp_extension *e = &p->ext[p->n_ext++];
    if (p->n_ext > AMD_SP_EXTENSIONS || n > sizeof(e->value))
        abort();
    *e = (struct amd_sp_extension){.oid = full_oid(suffix), .len = n};
    memcpy(e->value, value, n);
    return e;
}

static void add_integer(struct amd_sp_profile *p, const char *suffix, uint8_t v)
{
    uint8_t der[4] = {0x02, 1, v}, wide[4] = {0x02, 2, 0, v};
    amd_sp_extension_add(p, suffix, v < 0x80 ? der : wide, v < 0x80 ? 3 : 4);
}

static void add_text(struct amd_sp_profile *p, const char *suffix, const char *text)
{
    uint8_t der[130] = {0x16, (uint8_t)strlen(text)};
    memcpy(der + 2, text, strlen(text));
    amd_sp_extension_add(p, suffix, der, 2 + strlen(text));
}

struct amd_sp_profile amd_sp_vek_profile(enum amd_sp_product product, enum amd_sp_key kind, const uint8_t tcb[static 8],
                                         const uint8_t chip_id[static 64], const char *csp)
{
    bool vlek = kind == AMD_SP_VLEK;
    struct amd_sp_profile p = {.not_before = YEAR_2020, .not_after = YEAR_2045};
    snprintf(p.subject, sizeof(p.subject), "%s", vlek ? "SEV-VLEK" : "SEV-VCEK");
    snprintf(p.issuer, sizeof(p.issuer), "%s-%s", vlek ? "SEV-VLEK" : "SEV", products[product].name);
    add_integer(&p, "1", products[product].struct_version);
    add_text(&p, "2", vlek ? products[product].name : products[product].vcek_product_name);
    for (size_t i = 0; i < 8; i++)
        add_integer(&p, products[product].spl[i].oid, tcb[products[product].spl[i].byte]);
    if (vlek)
        add_text(&p, "5", csp);
    else
        amd_sp_extension_add(&p, "4", chip_id, products[product].hwid);
    return p;
}

static void put_u32(uint8_t *out, size_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}

static void put_guid(uint8_t *out, const char *text)
{
    for (size_t i = 0; *text != '\0'; text++) {
        char two[3] = {text[0], text[1], '\0'};
        if (*text == '-')
            continue;
        out[i++] = (uint8_t)strtoul(two, NULL, 16);
        text++;
    }
}

size_t amd_sp_cert_table(const struct amd_sp_blob *blobs, size_t n, uint8_t *out, size_t size)
{
    size_t at = 24 * (n + 1);
    if (at > size)
        abort();
    memset(out, 0, at);
    for (size_t i = 0; i < n; i++) {
        if (size - at < blobs[i].len)
            abort();
        put_guid(out + 24 * i, blobs[i].guid);
        put_u32(out + 24 * i + 16, at);
        put_u32(out + 24 * i + 20, blobs[i].len);
        memcpy(out + at, blobs[i].data, blobs[i].len);
        at += blobs[i].len;
    }
    return at;
}
