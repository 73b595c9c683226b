/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/floor.h"

#include "tests/emulators/intel_qe/intel_qe.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MESSAGE = 672, ROUNDS = 400, COLD_ROUNDS = 100 };

static double cpu_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "latchkey-bench: floor: %s\n", what);
    exit(1);
}

static void verify(EVP_PKEY *key, const EVP_MD *md, const uint8_t *sig, size_t len, const uint8_t *message)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 && EVP_DigestVerify(ctx, sig, len, message, MESSAGE) == 1,
         "verification");
    EVP_MD_CTX_free(ctx);
}

static double time_verify(EVP_PKEY *key, const EVP_MD *md)
{
    uint8_t message[MESSAGE] = {1}, sig[512];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1 && EVP_DigestSign(ctx, sig, &len, message, MESSAGE) == 1,
         "signing");
    EVP_MD_CTX_free(ctx);
    double start = cpu_now();
    for (int i = 0; i < ROUNDS; i++)
        verify(key, md, sig, len, message);
    return (cpu_now() - start) / ROUNDS;
}

static X509 *read_cert(FILE *f, int pem)
{
    X509 *x = pem ? PEM_read_X509(f, NULL, NULL, NULL) : d2i_X509_fp(f, NULL);
    must(x != NULL, "certificate");
    return x;
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    must(f != NULL, path);
    return f;
}

static double time_cold_chain(const char *dir)
{
    FILE *pem = open_in(dir, "cert_chain.pem"), *der = open_in(dir, "report/vek.der");
    double start = cpu_now();
    for (int i = 0; i < COLD_ROUNDS; i++) {
        rewind(pem);
        rewind(der);
        X509 *ask = read_cert(pem, 1), *ark = read_cert(pem, 1), *vek = read_cert(der, 0);
        must(X509_verify(ark, X509_get0_pubkey(ark)) == 1 && X509_verify(ask, X509_get0_pubkey(ark)) == 1 &&
                 X509_verify(vek, X509_get0_pubkey(ask)) == 1 && X509_get0_pubkey(vek) != NULL,
             "chain");
        X509_free(ask);
        X509_free(ark);
        X509_free(vek);
    }
    double each = (cpu_now() - start) / COLD_ROUNDS;
    fclose(pem);
    fclose(der);
    return each;
}

/* Certificates of both chains, each parsed and verified once; the rest of the P-256 signatures beside them. */
static double time_cold_td(double p256_verify)
{
    struct qe_settings s;
    static struct qe_output td;
    static struct qe_blob chain;
    qe_settings_init(&s, true, 3);
    qe_make(&s, &td);
    chain.len = 0;
    qe_certificates(&s, &td, &chain);
    double start = cpu_now();
    for (int i = 0; i < COLD_ROUNDS; i++) {
        FILE *pck = fmemopen(chain.data, chain.len, "rb"), *tcb = fmemopen(td.tcb_chain.data, td.tcb_chain.len, "rb");
        X509 *leaf = read_cert(pck, 1), *ca = read_cert(pck, 1), *root = read_cert(pck, 1), *signer = read_cert(tcb, 1);
        must(X509_verify(root, X509_get0_pubkey(root)) == 1 && X509_verify(ca, X509_get0_pubkey(root)) == 1 &&
                 X509_verify(leaf, X509_get0_pubkey(ca)) == 1 && X509_get0_pubkey(signer) != NULL,
             "chain");
        X509_free(leaf);
        X509_free(ca);
        X509_free(root);
        X509_free(signer);
        fclose(pck);
        fclose(tcb);
    }
    return (cpu_now() - start) / COLD_ROUNDS + 7 * p256_verify; /* TCB signer, two lists, two documents, QE report, quote */
}

struct bench_floor bench_floor(const char *snp_dir)
{
    EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
    must(p256 != NULL && p384 != NULL && rsa != NULL, "keys");
    double p256_verify = time_verify(p256, EVP_sha256());
    struct bench_floor f = {.p384_verify = time_verify(p384, EVP_sha384()),
                            .rsa2048_verify = time_verify(rsa, EVP_sha256())};
    f.snp_cold = time_cold_chain(snp_dir) + f.p384_verify;
    f.tdx_warm = 2 * p256_verify;
    f.tdx_cold = time_cold_td(p256_verify);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(rsa);
    return f;
}
