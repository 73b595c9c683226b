/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/collateral/answer.h"

#include <ctype.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <strings.h>

#include "policy/chain/cert.h"
#include "proto/base/arena.h"
#include "proto/base/clock.h"
#include "proto/base/cursor.h"

/* The outer SEQUENCE says how long the whole is (X.690, 8.1.3). */
static lk_result check_length(struct lk_bytes der)
{
    struct lk_cursor c = lk_cursor(der);
    LK_REQUIRE(lk_u8(&c) == 0x30, VENDOR_ANSWER);
    size_t len = lk_u8(&c);
    if (len >= 0x80) {
        size_t octets = len - 0x80;
        LK_REQUIRE(octets >= 1 && octets <= 3, VENDOR_ANSWER);
        for (len = 0; octets > 0; octets--)
            len = len << 8 | lk_u8(&c);
    }
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && len <= lk_left(&c), VENDOR_TRUNCATED);
    LK_REQUIRE(len == lk_left(&c), VENDOR_ANSWER);
    return LK_OK;
}

static lk_result check_cert(struct lk_bytes body)
{
    LK_TRY(check_length(body));
    const unsigned char *p = body.data;
    X509 *x = d2i_X509(NULL, &p, (long)body.len);
    bool ok = x != NULL && p == body.data + body.len;
    X509_free(x);
    ERR_clear_error();
    return ok ? LK_OK : LK_FAIL(VENDOR_ANSWER);
}

static lk_result check_crl(struct lk_bytes body)
{
    LK_TRY(check_length(body));
    const unsigned char *p = body.data;
    X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)body.len);
    bool ok = x != NULL && p == body.data + body.len;
    X509_CRL_free(x);
    ERR_clear_error();
    return ok ? LK_OK : LK_FAIL(VENDOR_ANSWER);
}

/* PEM certificates, at least two, and nothing else. */
static lk_result put_chain(struct lk_bytes body, struct lk_arena *arena, struct lk_buf *out)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    struct lk_bytes ders[LK_CERT_CHAIN_MAX];
    size_t n = LK_CERT_CHAIN_MAX;
    LK_REQUIRE(body.len >= sizeof(begin) - 1 && memcmp(body.data, begin, sizeof(begin) - 1) == 0, VENDOR_ANSWER);
    lk_result r = lk_certs_split(body, arena, ders, &n);
    LK_REQUIRE(r.code != LK_R_CERT_TOO_MANY, VENDOR_ANSWER);
    LK_REQUIRE(lk_ok(r) && n >= 2, VENDOR_TRUNCATED);
    for (size_t i = 0; i < n; i++) {
        LK_TRY(check_cert(ders[i]));
        lk_put(out, ders[i]);
    }
    return lk_buf_ok(out);
}

static lk_result keep_chain(struct lk_bytes body, struct lk_buf *out)
{
    struct lk_arena *arena = lk_arena_new(LK_ANSWER_MAX);
    LK_REQUIRE(arena != NULL, MEMORY);
    lk_result r = put_chain(body, arena, out);
    lk_arena_free(arena);
    return r;
}

/* {"tcbInfo": {...}, "signature": "..."} */
static lk_result check_json(struct lk_bytes body, const char *member)
{
    json_error_t error;
    json_t *j = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    if (j == NULL)
        return json_error_code(&error) == json_error_premature_end_of_input && body.len > 0 && body.data[0] == '{'
                   ? LK_FAIL(VENDOR_TRUNCATED) : LK_FAIL(VENDOR_ANSWER);
    bool ok = json_is_object(json_object_get(j, member)) && json_is_string(json_object_get(j, "signature"));
    json_decref(j);
    return ok ? LK_OK : LK_FAIL(VENDOR_ANSWER);
}

static bool all_hex(struct lk_bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (!isxdigit(b.data[i]))
            return false;
    return b.len > 0;
}

static lk_result keep_crl(struct lk_bytes body, struct lk_buf *out)
{
    if (!all_hex(body)) {
        lk_put(out, body);
        return check_crl(body);
    }
    LK_REQUIRE(body.len % 2 == 0, VENDOR_TRUNCATED);
    size_t at = out->len, n = body.len / 2;
    uint8_t *room = lk_put_room(out, n);
    LK_REQUIRE(room != NULL && lk_unhex((const char *)body.data, body.len, room, n) == (ptrdiff_t)n, TOO_LARGE);
    return check_crl(lk_bytes(out->data + at, n));
}

lk_result lk_answer_body(enum lk_answer_form form, struct lk_bytes body, struct lk_buf *out)
{
    LK_REQUIRE(body.len > 0, VENDOR_TRUNCATED);
    if (form == LK_ANSWER_CHAIN)
        return keep_chain(body, out);
    if (form == LK_ANSWER_CRL) {
        LK_TRY(keep_crl(body, out));
        return lk_buf_ok(out);
    }
    lk_put(out, body);
    LK_TRY(lk_buf_ok(out));
    if (form == LK_ANSWER_CERT)
        return check_cert(body);
    return check_json(body, form == LK_ANSWER_TCB_INFO ? "tcbInfo" : "enclaveIdentity");
}

static int64_t crl_until(struct lk_bytes kept)
{
    int64_t until = 0;
    const unsigned char *p = kept.data;
    X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)kept.len);
    if (x == NULL || !lk_asn1_time(X509_CRL_get0_nextUpdate(x), &until))
        until = 0;
    X509_CRL_free(x);
    ERR_clear_error();
    return until;
}

static int64_t certs_until(struct lk_bytes kept)
{
    int64_t first = INT64_MAX, until;
    const unsigned char *p = kept.data, *end = kept.data + kept.len;
    while (p < end) {
        X509 *x = d2i_X509(NULL, &p, (long)(end - p));
        bool ok = x != NULL && lk_asn1_time(X509_get0_notAfter(x), &until);
        X509_free(x);
        ERR_clear_error();
        if (!ok)
            return 0;
        if (until < first)
            first = until;
    }
    return first;
}

static int64_t document_until(struct lk_bytes kept, const char *member)
{
    int64_t until = 0;
    json_t *j = json_loadb((const char *)kept.data, kept.len, 0, NULL);
    const char *text = json_string_value(json_object_get(json_object_get(j, member), "nextUpdate"));
    if (text == NULL || !lk_time_parse(text, &until))
        until = 0;
    json_decref(j);
    return until;
}

int64_t lk_answer_until(const struct lk_want *want, struct lk_bytes kept)
{
    if (kept.len == 0)
        return 0;
    if (want->chain_only || want->form == LK_ANSWER_CHAIN || want->form == LK_ANSWER_CERT)
        return certs_until(kept);
    if (want->form == LK_ANSWER_CRL)
        return crl_until(kept);
    return document_until(kept, want->form == LK_ANSWER_TCB_INFO ? "tcbInfo" : "enclaveIdentity");
}

static struct lk_bytes trim(struct lk_bytes b)
{
    while (b.len > 0 && isspace(b.data[0]))
        b = lk_bytes(b.data + 1, b.len - 1);
    while (b.len > 0 && isspace(b.data[b.len - 1]))
        b.len--;
    return b;
}

struct lk_bytes lk_answer_chain_header(struct lk_bytes line)
{
    static const char tail[] = "-Issuer-Chain";
    const uint8_t *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
    size_t name = colon == NULL ? 0 : (size_t)(colon - line.data), n = sizeof(tail) - 1;
    if (name < n || strncasecmp((const char *)colon - n, tail, n) != 0)
        return LK_BYTES_NONE;
    return trim(lk_bytes(colon + 1, line.len - name - 1));
}

lk_result lk_answer_chain(struct lk_bytes value, struct lk_buf *out)
{
    LK_BUF_AUTO pem = lk_buf(LK_ANSWER_CHAIN_MAX);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = value.data[i];
        if (byte == '%') {
            LK_REQUIRE(value.len - i > 2 && lk_unhex((const char *)value.data + i + 1, 2, &byte, 1) == 1, VENDOR_ANSWER);
            i += 2;
        }
        lk_put_u8(&pem, byte);
    }
    LK_TRY(lk_buf_ok(&pem));
    return lk_ok(keep_chain(lk_buf_bytes(&pem), out)) ? LK_OK : LK_FAIL(VENDOR_ANSWER);
}

void lk_answer_excerpt(struct lk_bytes body, char out[static LK_ANSWER_EXCERPT])
{
    size_t n = body.len < LK_ANSWER_EXCERPT - 1 ? body.len : LK_ANSWER_EXCERPT - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = body.data[i] >= ' ' && body.data[i] < 0x7f ? (char)body.data[i] : '.';
    out[n] = '\0';
}
