/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/collateral_files.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "broker/cli/remote.h"
#include "policy/chain/cert.h"

#define FILE_MAX (4u << 20)
#define DEPTH_MAX 8
#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

static lk_result add(struct lk_piece_list *l, struct lk_bytes bytes, const char *from)
{
    if (l->n == l->room) {
        size_t room = l->room == 0 ? 64 : 2 * l->room;
        struct lk_bytes *p = reallocarray(l->p, room, sizeof(*p));
        l->p = p != NULL ? p : l->p;
        const char **f = reallocarray(l->from, room, sizeof(*f));
        l->from = f != NULL ? f : l->from;
        LK_REQUIRE(p != NULL && f != NULL, MEMORY);
        l->room = room;
    }
    l->p[l->n] = bytes;
    l->from[l->n++] = from;
    return LK_OK;
}

void lk_pieces_free(struct lk_pieces *p)
{
    free(p->issuers.p);
    free(p->issuers.from);
    free(p->others.p);
    free(p->others.from);
}

/* ---- certificates ---- */

static bool has_name(const X509 *x, const char *cn)
{
    char text[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof(text));
    return strcmp(text, cn) == 0;
}

/* A certificate of a guest's quote, or one that is no vendor's, is of no use: *taken tells. */
static lk_result add_cert(struct lk_pieces *p, struct lk_bytes der, const char *from, bool *taken)
{
    const uint8_t *at = der.data;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    bool issuer = x != NULL && (X509_check_ca(x) > 0 || has_name(x, "Intel SGX TCB Signing"));
    bool chip = x != NULL && (has_name(x, "SEV-VCEK") || has_name(x, "SEV-VLEK"));
    X509_free(x);
    ERR_clear_error();
    *taken = *taken || issuer || chip;
    for (size_t i = 0; issuer && i < p->issuers.n; i++)
        if (lk_bytes_eq(p->issuers.p[i], der))
            return LK_OK;
    return issuer ? add(&p->issuers, der, from) : chip ? add(&p->others, der, from) : LK_OK;
}

static lk_result add_pem(struct lk_pieces *p, struct lk_bytes pem, const char *from, bool *taken)
{
    struct lk_bytes der;
    size_t n = 1;
    return lk_ok(lk_certs_split(pem, p->arena, &der, &n)) && n == 1 ? add_cert(p, der, from, taken) : LK_OK;
}

/* Each block between the marks, whatever lies around: quotes carry their chain so. */
static lk_result add_pems(struct lk_pieces *p, struct lk_bytes file, const char *from, bool *taken)
{
    const uint8_t *at = file.data, *end = file.data + file.len, *first;
    while (at < end && (first = memmem(at, (size_t)(end - at), BEGIN, strlen(BEGIN))) != NULL) {
        const uint8_t *last = memmem(first, (size_t)(end - first), END, strlen(END));
        if (last == NULL)
            return LK_OK;
        at = last + strlen(END);
        LK_TRY(add_pem(p, lk_bytes(first, (size_t)(at - first)), from, taken));
    }
    return LK_OK;
}

static lk_result add_ders(struct lk_pieces *p, struct lk_bytes file, const char *from, bool *taken)
{
    const uint8_t *at = file.data, *end = file.data + file.len;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)file.len);
    bool list = crl != NULL && at == end;
    X509_CRL_free(crl);
    ERR_clear_error();
    if (list) {
        *taken = true;
        return add(&p->others, file, from);
    }
    for (at = file.data; at < end;) {
        const uint8_t *begin = at;
        X509 *x = d2i_X509(NULL, &at, (long)(end - at));
        X509_free(x);
        ERR_clear_error();
        if (x == NULL)
            return LK_OK;
        LK_TRY(add_cert(p, lk_bytes(begin, (size_t)(at - begin)), from, taken));
    }
    return LK_OK;
}

/* ---- other forms ---- */

/* DER in hex digits, as older caches give the root's list. */
static struct lk_bytes unhexed(struct lk_pieces *p, struct lk_bytes file)
{
    while (file.len > 0 && strchr("\r\n \"", file.data[file.len - 1]) != NULL)
        file.len--;
    if (file.len < 64 || file.len % 2 != 0 || file.data[0] != '3')
        return LK_BYTES_NONE;
    uint8_t *out = lk_arena_alloc(p->arena, file.len / 2);
    if (out == NULL || lk_unhex((const char *)file.data, file.len, out, file.len / 2) != (ptrdiff_t)(file.len / 2))
        return LK_BYTES_NONE;
    return lk_bytes(out, file.len / 2);
}

static size_t url_decode(const char *in, size_t n, char *out)
{
    size_t o = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t b = (uint8_t)in[i];
        if (in[i] == '%' && i + 2 < n && lk_unhex(in + i + 1, 2, &b, 1) == 1)
            i += 2;
        out[o++] = (char)b;
    }
    return o;
}

/* The lines of NAME-Issuer-Chain: URL-encoded PEM. */
static lk_result add_headers(struct lk_pieces *p, struct lk_bytes file, const char *from, bool *taken)
{
    static const char suffix[] = "-issuer-chain:";
    char *text = lk_arena_str(p->arena, file.data, file.len), *rest = NULL;
    LK_REQUIRE(text != NULL, MEMORY);
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        char *colon = strchr(line, ':');
        size_t n = colon == NULL ? 0 : (size_t)(colon - line) + 1;
        if (n < strlen(suffix) || strncasecmp(line + n - strlen(suffix), suffix, strlen(suffix)) != 0)
            continue;
        char *pem = lk_arena_alloc(p->arena, strlen(line) + 1);
        LK_REQUIRE(pem != NULL, MEMORY);
        LK_TRY(add_pems(p, lk_bytes(pem, url_decode(line + n, strlen(line + n), pem)), from, taken));
    }
    return LK_OK;
}

static bool holds(struct lk_bytes b, const char *text)
{
    return memmem(b.data, b.len, text, strlen(text)) != NULL;
}

static bool ends(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

static lk_result take(struct lk_pieces *p, struct lk_bytes file, const char *from, bool *taken)
{
    struct lk_bytes der = LK_BYTES_NONE;
    if (ends(from, ".headers"))
        return add_headers(p, file, from, taken);
    if (file.data[0] == '{' || file.data[0] == ' ' || file.data[0] == '\n') {
        *taken = holds(file, "\"tcbInfo\"") || holds(file, "\"enclaveIdentity\"");
        return *taken ? add(&p->others, file, from) : LK_OK;
    }
    if (holds(file, "-----BEGIN X509 CRL-----")) {
        *taken = true;
        return add(&p->others, file, from);
    }
    if (holds(file, BEGIN))
        return add_pems(p, file, from, taken);
    if (file.data[0] != 0x30)
        der = unhexed(p, file);
    return add_ders(p, der.data != NULL ? der : file, from, taken);
}

static lk_result read_file(struct lk_pieces *p, const char *path)
{
    LK_BUF_AUTO b = lk_buf(FILE_MAX);
    bool taken = false;
    lk_result r = lk_cli_read_file(path, &b);
    if (lk_ok(r) && b.len > 0) {
        const char *copy = lk_arena_str(p->arena, b.data, b.len), *from = lk_arena_str(p->arena, path, strlen(path));
        LK_REQUIRE(copy != NULL && from != NULL, MEMORY);
        LK_TRY(take(p, lk_bytes(copy, b.len), from, &taken));
    }
    if (r.code == LK_R_FILE)
        return r;
    if (!taken) {
        fprintf(stderr, "latchkey: note: %s holds no collateral and is left out\n", path);
        p->left_out++;
    }
    return LK_OK;
}

static lk_result read_any(struct lk_pieces *p, const char *path, unsigned depth)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return lk_cli_file_failed(path);
    if (!S_ISDIR(st.st_mode))
        return read_file(p, path);
    DIR *dir = depth == 0 ? NULL : opendir(path);
    if (dir == NULL)
        return lk_cli_file_failed(path);
    lk_result r = LK_OK;
    for (struct dirent *e; lk_ok(r) && (e = readdir(dir)) != NULL;) {
        char below[4096];
        if (e->d_name[0] == '.' || (size_t)snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >= sizeof(below))
            continue;
        r = read_any(p, below, depth - 1);
    }
    closedir(dir);
    return r;
}

lk_result lk_pieces_read(struct lk_pieces *p, const char *path)
{
    return read_any(p, path, DEPTH_MAX);
}
