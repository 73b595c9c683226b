/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/tls.h"
#include "proto/base/log.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define CERTIFICATES_MAX 16

static int select_h2(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                     unsigned in_len, void *arg)
{
    static const unsigned char h2[] = {2, 'h', '2'};
    (void)ssl;
    (void)arg;
    unsigned char *selected = NULL;
    if (SSL_select_next_proto(&selected, out_len, h2, sizeof(h2), in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* A passphrase is never asked for: a server has nobody to ask. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf, (void)size, (void)rwflag, (void)arg;
    return -1;
}

static BIO *reader(struct lk_bytes pem)
{
    return pem.len > INT32_MAX || pem.data == NULL ? NULL : BIO_new_mem_buf(pem.data, (int)pem.len);
}

static bool add_one(SSL_CTX *ctx, X509 *x, int index)
{
    if (index == 0)
        return SSL_CTX_use_certificate(ctx, x) == 1;
    return SSL_CTX_add1_chain_cert(ctx, x) == 1;
}

static bool use_chain(SSL_CTX *ctx, struct lk_bytes pem)
{
    BIO *in = reader(pem);
    int n = 0;
    bool ok = in != NULL;
    for (X509 *x; ok && n < CERTIFICATES_MAX && (x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) != NULL; n++) {
        ok = add_one(ctx, x, n);
        X509_free(x);
    }
    BIO_free(in);
    return ok && n > 0;
}

static bool use_key(SSL_CTX *ctx, struct lk_bytes pem)
{
    BIO *in = reader(pem);
    EVP_PKEY *key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
    bool ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(key);
    BIO_free(in);
    return ok;
}

static bool use_client_ca(SSL_CTX *ctx, struct lk_bytes pem)
{
    if (pem.data == NULL)
        return true;
    BIO *in = reader(pem);
    int n = 0;
    bool ok = in != NULL;
    for (X509 *x; ok && n < CERTIFICATES_MAX && (x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) != NULL; n++) {
        ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1 && SSL_CTX_add_client_CA(ctx, x) == 1;
        X509_free(x);
    }
    BIO_free(in);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return ok && n > 0;
}

static bool set_protocol(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, select_h2, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(ctx, 0) == 1;
}

static const char *load(SSL_CTX *ctx, struct lk_bytes chain, struct lk_bytes key, struct lk_bytes client_ca)
{
    if (!set_protocol(ctx))
        return "protocol";
    if (!use_chain(ctx, chain))
        return "certificate";
    if (!use_key(ctx, key))
        return "key";
    if (!use_client_ca(ctx, client_ca))
        return "client-ca";
    return NULL;
}

lk_result lk_grpc_tls_new(struct lk_bytes chain, struct lk_bytes key, struct lk_bytes client_ca, SSL_CTX **out)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    LK_REQUIRE(ctx != NULL, MEMORY);
    ERR_clear_error();
    const char *bad = load(ctx, chain, key, client_ca);
    unsigned long error = bad == NULL ? 0 : ERR_peek_error();
    ERR_clear_error(); /* reading PEM to its end leaves one */
    if (bad == NULL) {
        *out = ctx;
        return LK_OK;
    }
    const char *why = ERR_reason_error_string(error);
    lk_log(LK_LOG_ERROR, "tls.load", "part=%s error=%s", bad, lk_log_text(why == NULL ? "" : why));
    SSL_CTX_free(ctx);
    return LK_FAIL(CONFIG);
}
