/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/appraise.h"

#include <dirent.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/remote.h"
#include "policy/chain/cert.h"
#include "policy/document/document.h"
#include "policy/evidence/tpm/json/pcrs.h"

#define FILE_MAX (16u << 20)
#define ANCHORS_MAX 512 /* certificates of one file */

/* The file in the arena; absent after it said what is wrong. */
static struct lk_bytes read_file(struct lk_appraise *a, const char *path)
{
    LK_BUF_AUTO b = lk_buf(FILE_MAX);
    lk_result r = lk_cli_read_file(path, &b);
    char *copy = lk_ok(r) ? lk_arena_str(a->arena, b.data, b.len) : NULL;
    if (copy != NULL)
        return lk_bytes(copy, b.len);
    lk_cli_usage("%s: %s", path, lk_ok(r) ? "too large" : lk_reason(r.code)->text);
    return LK_BYTES_NONE;
}

static int part_index(const struct lk_family *f, const char *name)
{
    for (size_t i = 0; i < f->n_parts; i++)
        if (strcmp(f->parts[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void put_part_names(const struct lk_family *f, struct lk_buf *out)
{
    for (size_t i = 0; i < f->n_parts; i++)
        lk_put_fmt(out, "%s%s", i == 0 ? "" : ", ", f->parts[i].name);
    lk_put_u8(out, 0);
}

/* Logs that a quote vouches for may stand among its parts; each is an item of its own, of the family of that name. */
static const struct {
    const char *family, *part, *item; /* family: of the quote; NULL: any other */
} shorthands[] = {{"tdx", "eventlog", "eventlog:ccel="}, {NULL, "eventlog", "eventlog:log="}, {NULL, "ima", "ima:log="}};

/* True when the part is such a log; *ok tells whether its item could be taken. */
static bool take_shorthand(struct lk_appraise *a, const struct lk_family *family, const char *part, const char *file, bool *ok)
{
    for (size_t i = 0; i < sizeof(shorthands) / sizeof(shorthands[0]); i++) {
        bool other = shorthands[i].family != NULL && strcmp(shorthands[i].family, family->name) != 0;
        if (other || strcmp(part, shorthands[i].part) != 0 || part_index(family, part) >= 0)
            continue;
        LK_BUF_AUTO text = lk_buf(4096);
        lk_put_fmt(&text, "%s%s", shorthands[i].item, file);
        lk_put_u8(&text, 0);
        *ok = lk_ok(lk_buf_ok(&text)) && lk_appraise_item(a, (const char *)text.data);
        return true;
    }
    return false;
}

/* "part=file" */
static bool take_part(struct lk_appraise *a, struct lk_chain_item *item, char *text)
{
    bool ok = false;
    char *file = strchr(text, '=');
    if (file == NULL || file[1] == '\0') {
        lk_cli_usage("\"%s\" is not part=file", text);
        return false;
    }
    *file++ = '\0';
    if (take_shorthand(a, item->family, text, file, &ok))
        return ok;
    int i = part_index(item->family, text);
    if (i < 0) {
        LK_BUF_AUTO names = lk_buf(1024);
        put_part_names(item->family, &names);
        lk_cli_usage("%s has no part \"%s\"; it has %s", item->family->name, text, (const char *)names.data);
        return false;
    }
    if (item->parts[i].data != NULL) {
        lk_cli_usage("part %s of %s is given twice", text, item->family->name);
        return false;
    }
    item->parts[i] = read_file(a, file);
    return item->parts[i].data != NULL;
}

static const struct lk_family *family_named(const char *name)
{
    const struct lk_family *f = lk_family_by_name(lk_bytes_str(name));
    size_t n = 0;
    if (f != NULL)
        return f;
    LK_BUF_AUTO names = lk_buf(1024);
    const struct lk_family *const *all = lk_families(&n);
    for (size_t i = 0; i < n; i++)
        lk_put_fmt(&names, "%s%s", i == 0 ? "" : ", ", all[i]->name);
    lk_put_u8(&names, 0);
    lk_cli_usage("no family \"%s\"; there are %s", name, (const char *)names.data);
    return NULL;
}

/* PCR values as JSON become the raw values that the family takes; what is neither is left for it to refuse. */
static void convert_pcrs(struct lk_appraise *a, struct lk_chain_item *item, size_t pcrs)
{
    int attest = part_index(item->family, "attest");
    LK_BUF_AUTO raw = lk_buf(FILE_MAX);
    if (attest < 0 || item->parts[attest].data == NULL)
        return;
    lk_result r = lk_tpm_pcrs_convert(item->parts[attest], item->parts[pcrs], &raw);
    char *copy = lk_ok(r) ? lk_arena_str(a->arena, raw.data, raw.len) : NULL;
    if (copy != NULL)
        item->parts[pcrs] = lk_bytes(copy, raw.len);
    else
        lk_cli_fail(r, "note: %s", item->family->name);
}

/* One certificate as PEM, where the family takes DER. */
static void convert_pem(struct lk_appraise *a, struct lk_chain_item *item, size_t part)
{
    struct lk_bytes der, text = item->parts[part];
    size_t n = 1;
    if (text.len > 10 && memcmp(text.data, "-----BEGIN", 10) == 0 && lk_ok(lk_certs_split(text, a->arena, &der, &n)) && n == 1)
        item->parts[part] = der;
}

/* Forms that only the command line takes: a verifier sees what the family's page says. */
static const struct {
    const char *family, *part;
    void (*convert)(struct lk_appraise *a, struct lk_chain_item *item, size_t part);
} conversions[] = {{"tpm", "pcrs", convert_pcrs}, {"tpm", "ek-cert", convert_pem}, {"tpm", "ak-cert", convert_pem}};

static void convert_parts(struct lk_appraise *a, struct lk_chain_item *item)
{
    for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++) {
        int part = part_index(item->family, conversions[i].part);
        if (part >= 0 && item->parts[part].data != NULL && strcmp(item->family->name, conversions[i].family) == 0)
            conversions[i].convert(a, item, (size_t)part);
    }
}

bool lk_appraise_item(struct lk_appraise *a, const char *text)
{
    char *copy = lk_arena_str(a->arena, text, strlen(text));
    char *parts = copy == NULL ? NULL : strchr(copy, ':');
    if (parts == NULL || a->n_items == LK_CHAIN_ITEMS_MAX) {
        lk_cli_usage(parts == NULL ? "\"%s\" is not family:part=file" : "\"%s\" is one item too many", text);
        return false;
    }
    *parts++ = '\0';
    struct lk_chain_item *item = &a->items[a->n_items];
    item->family = family_named(copy);
    if (item->family == NULL)
        return false;
    a->n_items++; /* before its parts: a part may bring an item of its own */
    char *rest = NULL;
    for (char *p = strtok_r(parts, ",", &rest); p != NULL; p = strtok_r(NULL, ",", &rest))
        if (!take_part(a, item, p))
            return false;
    convert_parts(a, item);
    return true;
}

/* ---- anchors ---- */

static bool self_issued(struct lk_bytes der)
{
    const unsigned char *p = der.data;
    X509 *x = d2i_X509(NULL, &p, (long)der.len);
    bool same = x != NULL && X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
    X509_free(x);
    return same;
}

/* Self-issued certificates of a bundle are anchors, the others only help to build paths. */
static lk_result add_cert(struct lk_appraise *a, const char *family, const char *name, struct lk_bytes der, bool only)
{
    if (only || self_issued(der))
        return lk_trust_add_anchor(a->trust, family, name, der);
    return lk_trust_add_intermediate(a->trust, family, der);
}

static lk_result add_certs(struct lk_appraise *a, const char *family, const char *name, struct lk_bytes file)
{
    struct lk_bytes *der = lk_arena_array(a->arena, ANCHORS_MAX, sizeof(*der));
    size_t n = ANCHORS_MAX;
    LK_REQUIRE(der != NULL, MEMORY);
    LK_TRY(lk_certs_split(file, a->arena, der, &n));
    for (size_t i = 0; i < n; i++)
        LK_TRY(add_cert(a, family, name, der[i], n == 1));
    return LK_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static lk_result add_for_items(struct lk_appraise *a, const char *file, struct lk_bytes bytes)
{
    for (size_t i = 0; i < a->n_items; i++)
        LK_TRY(add_certs(a, a->items[i].family->name, base_name(file), bytes));
    return LK_OK;
}

static lk_result add_named(void *context, const char *family, const char *name, const char *file)
{
    struct lk_appraise *a = context;
    struct lk_bytes bytes = read_file(a, file);
    LK_REQUIRE(bytes.data != NULL, FILE);
    return add_certs(a, family, name, bytes);
}

static lk_result add_document(struct lk_appraise *a, const char *file, struct lk_bytes yaml)
{
    struct lk_document_errors *errors = calloc(1, sizeof(*errors));
    LK_REQUIRE(errors != NULL, MEMORY);
    lk_result r = lk_document_trust(yaml, add_named, a, errors);
    for (size_t i = 0; i < errors->n; i++)
        fprintf(stderr, "%s:%d:%d: error: %s: %s\n", file, errors->e[i].line, errors->e[i].column,
                lk_reason(errors->e[i].code)->name, errors->e[i].text);
    free(errors);
    return r;
}

static bool is_document(struct lk_bytes b)
{
    return b.len > 7 && memcmp(b.data, "schema:", 7) == 0;
}

/* "[FAMILY:]FILE": what stands before the first colon, when it is a family. */
static bool add_trust(struct lk_appraise *a, const char *text)
{
    const char *colon = strchr(text, ':');
    const struct lk_family *f = colon == NULL ? NULL : lk_family_by_name(lk_bytes(text, (size_t)(colon - text)));
    const char *file = f == NULL ? text : colon + 1;
    struct lk_bytes bytes = read_file(a, file);
    if (bytes.data == NULL)
        return false;
    lk_result r = is_document(bytes) ? add_document(a, file, bytes)
                  : f != NULL        ? add_certs(a, f->name, base_name(file), bytes)
                                     : add_for_items(a, file, bytes);
    if (!lk_ok(r))
        lk_cli_fail(r, "--trust %s", file);
    return lk_ok(r);
}

/* ---- collateral ---- */

/* Intel's documents in a flat folder, by the names that its tools give them. */
static const struct {
    const char *file, *name;
} flat_files[] = {
    {"tcb_info.json", "dcap/tcb-info"},  {"qe_identity.json", "dcap/qe-identity"}, {"tcb_signing_chain.pem", "dcap/tcb-chain"},
    {"pck_crl.der", "dcap/pck-crl"},     {"root_ca_crl.der", "dcap/root-crl"},
};

static const char *flat_name(const char *file)
{
    for (size_t i = 0; i < sizeof(flat_files) / sizeof(flat_files[0]); i++)
        if (strcmp(flat_files[i].file, file) == 0)
            return flat_files[i].name;
    return NULL;
}

/* "sev-snp_crl_milan.der" is sev-snp/crl/milan. False: no family begins the name. */
static bool collateral_name(const char *file, char *out, size_t size)
{
    const char *flat = flat_name(file);
    if (flat != NULL) {
        snprintf(out, size, "%s", flat);
        return true;
    }
    snprintf(out, size, "%s", file);
    char *dot = strrchr(out, '.');
    if (dot != NULL)
        *dot = '\0';
    for (char *p = out; *p != '\0'; p++)
        if (*p == '_')
            *p = '/';
    size_t family = strcspn(out, "/");
    return out[family] == '/' && lk_family_by_name(lk_bytes(out, family)) != NULL;
}

static bool add_collateral(struct lk_appraise *a, const char *file)
{
    char path[4096], name[512];
    if (!collateral_name(file, name, sizeof(name))) {
        fprintf(stderr, "latchkey: note: %s/%s is no collateral and is ignored\n", a->collateral, file);
        return true;
    }
    snprintf(path, sizeof(path), "%s/%s", a->collateral, file);
    struct lk_bytes bytes = read_file(a, path);
    return bytes.data != NULL && lk_ok(lk_trust_add_collateral(a->trust, name, bytes));
}

static bool read_collateral(struct lk_appraise *a)
{
    DIR *dir = opendir(a->collateral);
    if (dir == NULL) {
        lk_cli_usage("%s: no folder that can be read", a->collateral);
        return false;
    }
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            ok = add_collateral(a, e->d_name);
    closedir(dir);
    return ok;
}

bool lk_appraise_trust(struct lk_appraise *a)
{
    for (size_t i = 0; i < a->n_trusts; i++)
        if (!add_trust(a, a->trusts[i]))
            return false;
    return a->collateral == NULL || read_collateral(a);
}
