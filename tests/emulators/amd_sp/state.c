/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/emulators/amd_sp/state.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *const key_names[AMD_SP_HELD_KEYS] = {"ark.key", "ask.key", "asvk.key", "vcek.key", "vlek.key"};

static void die(const char *what, const char *name)
{
    fprintf(stderr, "amd-sp-emulator: %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static FILE *open_in(const char *dir, const char *name, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, mode);
    if (f == NULL)
        die("cannot open", path);
    return f;
}

void amd_sp_write(const char *dir, const char *name, const void *data, size_t len)
{
    FILE *f = open_in(dir, name, "wb");
    if (fwrite(data, 1, len, f) != len || fclose(f) != 0)
        die("cannot write", name);
}

static void save_key(const char *dir, const char *name, EVP_PKEY *key)
{
    FILE *f = open_in(dir, name, "wb");
    if (PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(f) != 0)
        die("cannot write", name);
}

/* NULL when the folder has no such key. */
static EVP_PKEY *load_key(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    return key;
}

static void save_pem_chain(const char *dir, const char *name, const struct amd_sp_der *first, const struct amd_sp_der *second)
{
    BIO *b = BIO_new(BIO_s_mem());
    const struct amd_sp_der *both[] = {first, second};
    char *text;
    for (size_t i = 0; i < 2; i++)
        PEM_write_bio(b, "CERTIFICATE", "", both[i]->data, (long)both[i]->len);
    long n = BIO_get_mem_data(b, &text);
    amd_sp_write(dir, name, text, (size_t)n);
    BIO_free(b);
}

static void save_crl(const char *dir, const struct amd_sp_state *s)
{
    struct amd_sp_crl c = {.this_update = time(NULL) - 3600, .next_update = time(NULL) + 86400L * 365};
    struct amd_sp_der der;
    snprintf(c.issuer, sizeof(c.issuer), "ARK-%s", amd_sp_product_name(s->product));
    amd_sp_revoke(&c, s->keys[AMD_SP_HELD_ARK], &der);
    amd_sp_write(dir, "crl.der", der.data, der.len);
}

void amd_sp_state_make(const char *dir, enum amd_sp_product product, struct amd_sp_state *s)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        die("cannot make", dir);
    s->product = product;
    for (size_t i = 0; i < AMD_SP_HELD_KEYS; i++) {
        s->keys[i] = load_key(dir, key_names[i]);
        if (s->keys[i] != NULL)
            continue;
        s->keys[i] = i < AMD_SP_HELD_VCEK ? amd_sp_rsa_key() : amd_sp_vek_key();
        save_key(dir, key_names[i], s->keys[i]);
    }
    struct amd_sp_profile ark = amd_sp_ark_profile(product), ask = amd_sp_intermediate_profile(product, AMD_SP_VCEK),
                          asvk = amd_sp_intermediate_profile(product, AMD_SP_VLEK);
    amd_sp_issue(&ark, s->keys[AMD_SP_HELD_ARK], s->keys[AMD_SP_HELD_ARK], &s->ark);
    amd_sp_issue(&ask, s->keys[AMD_SP_HELD_ASK], s->keys[AMD_SP_HELD_ARK], &s->ask);
    amd_sp_issue(&asvk, s->keys[AMD_SP_HELD_ASVK], s->keys[AMD_SP_HELD_ARK], &s->asvk);
    amd_sp_write(dir, "ark.der", s->ark.data, s->ark.len);
    amd_sp_write(dir, "ask.der", s->ask.data, s->ask.len);
    amd_sp_write(dir, "asvk.der", s->asvk.data, s->asvk.len);
    save_pem_chain(dir, "cert_chain.pem", &s->ask, &s->ark);
    save_pem_chain(dir, "cert_chain-vlek.pem", &s->asvk, &s->ark);
    save_crl(dir, s);
    amd_sp_write(dir, "product", amd_sp_product_name(product), strlen(amd_sp_product_name(product)));
}

static void load_der(const char *dir, const char *name, struct amd_sp_der *out)
{
    FILE *f = open_in(dir, name, "rb");
    out->len = fread(out->data, 1, sizeof(out->data), f);
    fclose(f);
}

void amd_sp_state_load(const char *dir, struct amd_sp_state *s)
{
    char product[16] = "";
    FILE *f = open_in(dir, "product", "rb");
    product[fread(product, 1, sizeof(product) - 1, f)] = '\0';
    fclose(f);
    for (int p = AMD_SP_MILAN; p <= AMD_SP_TURIN; p++)
        if (strcmp(product, amd_sp_product_name((enum amd_sp_product)p)) == 0)
            s->product = (enum amd_sp_product)p;
    for (size_t i = 0; i < AMD_SP_HELD_KEYS; i++) {
        s->keys[i] = load_key(dir, key_names[i]);
        if (s->keys[i] == NULL)
            die("no key in", key_names[i]);
    }
    load_der(dir, "ark.der", &s->ark);
    load_der(dir, "ask.der", &s->ask);
    load_der(dir, "asvk.der", &s->asvk);
}

void amd_sp_state_free(struct amd_sp_state *s)
{
    for (size_t i = 0; i < AMD_SP_HELD_KEYS; i++)
        EVP_PKEY_free(s->keys[i]);
}
