/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/collateral/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIRECTS_MAX 3L
#define SLOW_BYTES 16L /* a second: less is a stall */

struct lk_transfer {
    CURL *curl;
    const struct lk_pace *pace;
    struct lk_buf body, chain;
    char error[CURL_ERROR_SIZE];
};

static long status_of(const struct lk_transfer *t)
{
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* Pages that come with an error are read past: only their status counts. */
static size_t take_body(char *data, size_t size, size_t n, void *context)
{
    struct lk_transfer *t = context;
    if (status_of(t) != 200)
        return size * n;
    lk_put(&t->body, lk_bytes(data, size * n));
    return lk_ok(lk_buf_ok(&t->body)) ? size * n : 0;
}

static size_t take_header(char *data, size_t size, size_t n, void *context)
{
    struct lk_transfer *t = context;
    struct lk_bytes line = lk_bytes(data, size * n), value;
    if (line.len > 5 && memcmp(line.data, "HTTP/", 5) == 0) { /* another answer begins: the last was a redirect */
        lk_buf_free(&t->chain);
        t->chain = lk_buf(LK_ANSWER_CHAIN_MAX);
    }
    value = lk_answer_chain_header(line);
    if (value.data != NULL)
        lk_put(&t->chain, value);
    return lk_ok(lk_buf_ok(&t->chain)) ? size * n : 0;
}

static bool set_up(struct lk_transfer *t, const char *ca)
{
    CURL *c = t->curl;
    bool ok = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS_MAX) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)LK_ANSWER_MAX) == CURLE_OK;
    if (ca != NULL) /* alone: neither the system's file nor its folder counts beside it */
        ok = ok && curl_easy_setopt(c, CURLOPT_CAINFO, ca) == CURLE_OK && curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "latchkey/" LK_VERSION);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)t->pace->connect);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)((t->pace->stall + 999) / 1000));
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_PRIVATE, t);
    return ok;
}

lk_result lk_transfer_new(const struct lk_pace *pace, const char *ca, struct lk_transfer **out)
{
    struct lk_transfer *t = *out = calloc(1, sizeof(*t));
    LK_REQUIRE(t != NULL, MEMORY);
    t->pace = pace;
    t->curl = curl_easy_init();
    LK_REQUIRE(t->curl != NULL, MEMORY);
    LK_REQUIRE(set_up(t, ca), INTERNAL);
    return LK_OK;
}

void lk_transfer_free(struct lk_transfer *t)
{
    if (t == NULL)
        return;
    curl_easy_cleanup(t->curl);
    lk_buf_free(&t->body);
    lk_buf_free(&t->chain);
    free(t);
}

CURL *lk_transfer_handle(const struct lk_transfer *t)
{
    return t->curl;
}

lk_result lk_transfer_begin(struct lk_transfer *t, CURLM *multi, const char *url, uint64_t most_ms)
{
    lk_buf_free(&t->body);
    lk_buf_free(&t->chain);
    t->body = lk_buf(LK_ANSWER_MAX);
    t->chain = lk_buf(LK_ANSWER_CHAIN_MAX);
    t->error[0] = '\0';
    uint64_t ms = most_ms < t->pace->request ? most_ms : t->pace->request;
    LK_REQUIRE(curl_easy_setopt(t->curl, CURLOPT_URL, url) == CURLE_OK, INTERNAL);
    LK_REQUIRE(curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, (long)(ms > 0 ? ms : 1)) == CURLE_OK, INTERNAL);
    LK_REQUIRE(curl_multi_add_handle(multi, t->curl) == CURLM_OK, INTERNAL);
    return LK_OK;
}

static const struct {
    long first, last;
    lk_result result;
} statuses[] = {
    {200, 200, {LK_R_OK}},
    {400, 400, {LK_R_VENDOR_NOT_FOUND}},
    {401, 401, {LK_R_VENDOR_DENIED}},
    {403, 403, {LK_R_VENDOR_DENIED}},
    {404, 404, {LK_R_VENDOR_NOT_FOUND}},
    {407, 407, {LK_R_VENDOR_DENIED}},
    {408, 408, {LK_R_VENDOR_BUSY}},
    {410, 410, {LK_R_VENDOR_GONE}},
    {429, 429, {LK_R_VENDOR_BUSY}},
    {500, 599, {LK_R_VENDOR_BUSY}},
};

static lk_result by_status(long status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].first <= status && status <= statuses[i].last)
            return statuses[i].result;
    return LK_FAIL(VENDOR_ANSWER);
}

static const struct {
    CURLcode code;
    lk_result result;
} failures[] = {
    {CURLE_PARTIAL_FILE, {LK_R_VENDOR_TRUNCATED}},
    {CURLE_FILESIZE_EXCEEDED, {LK_R_VENDOR_TOO_LARGE}},
    {CURLE_WRITE_ERROR, {LK_R_VENDOR_TOO_LARGE}}, /* only our two functions above give it */
    {CURLE_UNSUPPORTED_PROTOCOL, {LK_R_VENDOR_REDIRECT}}, /* the first URL is https: lk_services_set */
    {CURLE_TOO_MANY_REDIRECTS, {LK_R_VENDOR_REDIRECT}},
    {CURLE_SSL_CONNECT_ERROR, {LK_R_VENDOR_TLS}},
    {CURLE_PEER_FAILED_VERIFICATION, {LK_R_VENDOR_TLS}},
    {CURLE_SSL_CACERT_BADFILE, {LK_R_VENDOR_TLS}},
    {CURLE_SSL_CIPHER, {LK_R_VENDOR_TLS}},
    {CURLE_SSL_ISSUER_ERROR, {LK_R_VENDOR_TLS}},
};

static lk_result by_code(const struct lk_transfer *t, CURLcode code, long status)
{
    curl_off_t connected = 0, ready = 0; /* a connection that is used again has no time of its own to connect */
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
        if (failures[i].code == code)
            return failures[i].result;
    curl_easy_getinfo(t->curl, CURLINFO_CONNECT_TIME_T, &connected);
    curl_easy_getinfo(t->curl, CURLINFO_PRETRANSFER_TIME_T, &ready);
    if (code == CURLE_OPERATION_TIMEDOUT && (connected > 0 || ready > 0 || status != 0))
        return LK_FAIL(VENDOR_TIMEOUT);
    return status == 0 ? LK_FAIL(VENDOR_UNREACHABLE) : LK_FAIL(VENDOR_TRUNCATED);
}

void lk_transfer_end(struct lk_transfer *t, CURLM *multi, CURLcode code, struct lk_got *out)
{
    *out = (struct lk_got){.status = status_of(t), .body = lk_buf_bytes(&t->body)};
    curl_off_t after = 0;
    char text[LK_ANSWER_EXCERPT];
    curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &after);
    curl_multi_remove_handle(multi, t->curl);
    out->retry_after = after > 0 ? (int64_t)after : 0;
    out->chain = t->chain.len > 0 ? lk_buf_bytes(&t->chain) : LK_BYTES_NONE;
    /* A status that is an answer by itself counts even when its page did not end well. */
    out->result = code == CURLE_OK || out->status >= 400 ? by_status(out->status) : by_code(t, code, out->status);
    if (code != CURLE_OK) {
        lk_answer_excerpt(lk_bytes_str(t->error[0] != '\0' ? t->error : curl_easy_strerror(code)), text);
        snprintf(out->detail, sizeof(out->detail), "%s", text);
    } else if (out->status != 200) {
        snprintf(out->detail, sizeof(out->detail), "status %ld", out->status);
    }
}

bool lk_transfer_may_retry(lk_result r)
{
    return r.code == LK_R_VENDOR_TRUNCATED || r.code == LK_R_VENDOR_UNREACHABLE || r.code == LK_R_VENDOR_TIMEOUT ||
           r.code == LK_R_VENDOR_BUSY;
}
