/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/logs.h"

#include "policy/evidence/eventlog/registers.h"
#include "policy/evidence/ima/replay.h"
#include "proto/base/buffer.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHA256 = 32, PCR_10 = 10, EVENT_DATA = 24, LOG_MAX = 64 << 20 };

static double cpu_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "latchkey-bench: logs: %s\n", what);
    exit(1);
}

static void digest(const EVP_MD *md, const uint8_t *data, size_t len, uint8_t *out)
{
    must(EVP_Digest(data, len, out, NULL, md, NULL) == 1, "digest");
}

/* Each entry's content differs, so that nothing is hashed twice. */
static void content(size_t i, uint8_t out[static SHA256])
{
    uint8_t n[8];
    memcpy(n, &i, sizeof(n));
    digest(EVP_sha256(), n, sizeof(n), out);
}

/* PC Client Platform Firmware Profile 1.05, section 10.2.1: the first event says that SHA-256 is the one bank. */
static void put_head(struct lk_buf *b)
{
    static const uint8_t none[20];
    lk_put_u32le(b, 0);
    lk_put_u32le(b, LK_TCG_NO_ACTION);
    lk_put(b, LK_BYTES(none));
    lk_put_u32le(b, 33);
    lk_put(b, lk_bytes("Spec ID Event03", 16));
    lk_put_u32le(b, 0);
    lk_put(b, lk_bytes("\0\2\0\2", 4));
    lk_put_u32le(b, 1);
    lk_put_u16le(b, LK_TPM_SHA256);
    lk_put_u16le(b, SHA256);
    lk_put_u8(b, 0);
}

static void put_events(struct lk_buf *b, size_t n)
{
    uint8_t d[SHA256], data[EVENT_DATA] = {0};
    put_head(b);
    for (size_t i = 0; i < n; i++) {
        content(i, d);
        lk_put_u32le(b, (uint32_t)(i % 10));
        lk_put_u32le(b, LK_TCG_IPL);
        lk_put_u32le(b, 1);
        lk_put_u16le(b, LK_TPM_SHA256);
        lk_put(b, LK_BYTES(d));
        lk_put_u32le(b, sizeof(data));
        lk_put(b, LK_BYTES(data));
    }
    must(lk_ok(lk_buf_ok(b)), "event log");
}

static void bare_extends(size_t n)
{
    uint8_t both[2 * SHA256] = {0};
    for (size_t i = 0; i < n; i++)
        digest(EVP_sha256(), both, sizeof(both), both);
}

struct bench_replay bench_eventlog(size_t n)
{
    LK_BUF_AUTO log = lk_buf(LOG_MAX);
    struct lk_registers registers;
    put_events(&log, n);
    double start = cpu_now();
    must(lk_ok(lk_tcg_replay(lk_buf_bytes(&log), LK_REGISTERS_PCR, lk_tpm_hash(LK_TPM_SHA256), &registers)), "replay");
    double middle = cpu_now();
    bare_extends(n);
    must(registers.extends[9] == n / 10, "events");
    return (struct bench_replay){middle - start, cpu_now() - middle, log.len};
}

/* Linux, Documentation/security/IMA-templates.rst: d-ng and n-ng. */
static size_t put_template(size_t i, uint8_t out[static 256])
{
    uint8_t d[SHA256];
    char path[96];
    LK_BUF_AUTO b = lk_buf(256);
    content(i, d);
    int len = snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/package-%zu/file.so", i);
    lk_put_u32le(&b, 8 + SHA256);
    lk_put(&b, lk_bytes("sha256:", 8));
    lk_put(&b, LK_BYTES(d));
    lk_put_u32le(&b, (uint32_t)len + 1);
    lk_put(&b, lk_bytes(path, (size_t)len + 1));
    memcpy(out, b.data, b.len);
    return b.len;
}

static void put_list(struct lk_buf *b, size_t n)
{
    uint8_t data[256], hash[LK_IMA_SHA1];
    for (size_t i = 0; i < n; i++) {
        size_t len = put_template(i, data);
        digest(EVP_sha1(), data, len, hash);
        lk_put_u32le(b, PCR_10);
        lk_put(b, LK_BYTES(hash));
        lk_put_sized_u32le(b, lk_bytes_str("ima-ng"));
        lk_put_sized_u32le(b, lk_bytes(data, len));
    }
    must(lk_ok(lk_buf_ok(b)), "IMA list");
}

static double bare_entries(struct lk_bytes list, size_t n)
{
    uint8_t d[SHA256], both[2 * SHA256] = {0};
    struct lk_cursor c = lk_cursor(list);
    double start = cpu_now();
    for (size_t i = 0; i < n; i++) {
        (void)lk_take(&c, 4 + LK_IMA_SHA1);
        (void)lk_take_u32le(&c, 64);
        struct lk_bytes data = lk_take_u32le(&c, 256);
        digest(EVP_sha1(), data.data, data.len, d);
        digest(EVP_sha256(), data.data, data.len, both + SHA256);
        digest(EVP_sha256(), both, sizeof(both), both);
    }
    return cpu_now() - start;
}

struct bench_replay bench_ima(size_t n)
{
    LK_BUF_AUTO list = lk_buf(LOG_MAX);
    struct lk_ima_replay replay;
    uint8_t last[LK_TPM_DIGEST_MAX];
    put_list(&list, n);
    double start = cpu_now();
    must(lk_ok(lk_ima_replay(lk_buf_bytes(&list), lk_tpm_hash(LK_TPM_SHA256), LK_BYTES_NONE, &replay, last)), "replay");
    double whole = cpu_now() - start;
    must(replay.covered == n && replay.mismatch == 0, "entries");
    return (struct bench_replay){whole, bare_entries(lk_buf_bytes(&list), n), list.len};
}
