/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/certs.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "proto/base/file.h"

#define CHAIN_FIRST 0x01c00100
#define CHAIN_LAST 0x01c001ff
#define CHAIN_INDICES 32

static void put_der(const X509 *x, struct lk_buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    if (len > 0)
        lk_put(out, lk_bytes(der, (size_t)len));
    OPENSSL_free(der);
}

size_t lk_certs_first(struct lk_bytes run)
{
    const unsigned char *p = run.data;
    X509 *x = run.len > 0 && run.data[0] == 0x30 ? d2i_X509(NULL, &p, (long)run.len) : NULL;
    size_t len = x != NULL ? (size_t)(p - run.data) : 0;
    X509_free(x);
    ERR_clear_error();
    return len;
}

/* DER certificates from the start of v, as they are: a second encoding could break their signatures. */
static void put_der_run(struct lk_bytes v, struct lk_buf *out)
{
    for (size_t len; (len = lk_certs_first(v)) > 0; v = lk_bytes(v.data + len, v.len - len))
        lk_put(out, lk_bytes(v.data, len));
}

static void put_pem(struct lk_bytes text, struct lk_buf *out)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    for (X509 *x = NULL; bio != NULL && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; X509_free(x))
        put_der(x, out);
    BIO_free(bio);
    ERR_clear_error();
}

static bool read_file(const char *path, struct lk_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool whole = lk_file_read(fd, out);
    close(fd);
    return whole && lk_ok(lk_buf_ok(out));
}

bool lk_certs_file(const char *path, struct lk_buf *out, struct lk_collector_failure *f)
{
    LK_BUF_AUTO bytes = lk_buf(LK_CHAIN_BYTES_MAX);
    size_t before = out->len;
    if (!read_file(path, &bytes))
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "%.200s cannot be read", path);
    if (bytes.len > 0 && bytes.data[0] == 0x30)
        put_der_run(lk_buf_bytes(&bytes), out);
    else
        put_pem(lk_buf_bytes(&bytes), out);
    if (out->len == before)
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "%.200s holds no certificate", path);
    return true;
}

void lk_certs_nv_chain(struct lk_device *d, struct lk_buf *out)
{
    uint32_t indices[CHAIN_INDICES];
    LK_BUF_AUTO all = lk_buf(LK_CHAIN_BYTES_MAX);
    size_t n = lk_device_nv_list(d, CHAIN_FIRST, CHAIN_LAST, indices, CHAIN_INDICES);
    for (size_t i = 0; i < n; i++)
        if (!lk_device_nv(d, indices[i], &all))
            break;
    if (lk_ok(lk_buf_ok(&all)))
        put_der_run(lk_buf_bytes(&all), out);
}
