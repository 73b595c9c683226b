/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey secret`: secrets go from a file, standard input or the generator into the sealed blob, and nowhere else. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/cli/remote.h"
#include "broker/client/pack.h"
#include "keystore/token/calls.h"
#include "policy.pb-c.h"
#include "proto/seal/key.h"

#define LOCKED_MEMORY (1u << 20)

/* Reads all of fd. Nothing is buffered elsewhere. */
static lk_result read_secret(int fd, struct lk_secret *secret)
{
    LK_SECRET_AUTO room = {0};
    LK_TRY(lk_secret_new(&room, LK_SECRET_MAX + 1));
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, room.data + len, room.len - len);
        if (n < 0 && errno == EINTR)
            continue;
        LK_REQUIRE(n >= 0, FILE);
        if (n == 0)
            break;
        len += (size_t)n;
        LK_REQUIRE(len <= LK_SECRET_MAX, TOO_LARGE);
    }
    if (len == 0)
        fputs("latchkey: there is no secret in it: 1 byte to 64 KiB\n", stderr);
    LK_REQUIRE(len > 0, SHORT_INPUT);
    return lk_secret_copy(secret, lk_bytes(room.data, len));
}

static lk_result read_secret_file(const char *path, struct lk_secret *secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lk_cli_file_failed(path);
    lk_result r = read_secret(fd, secret);
    close(fd);
    return r;
}

static lk_result random_secret(const char *count, struct lk_secret *secret)
{
    char *end = NULL;
    unsigned long n = strtoul(count, &end, 10);
    if (*count == '\0' || *end != '\0' || n < 1 || n > LK_SECRET_MAX) {
        fprintf(stderr, "latchkey: --random: \"%s\" is no number from 1 to %u\n", count, (unsigned)LK_SECRET_MAX);
        return LK_FAIL(USAGE);
    }
    LK_TRY(lk_secret_new(secret, n));
    LK_REQUIRE(RAND_priv_bytes(secret->data, (int)n) == 1, CRYPTO);
    return LK_OK;
}

struct source {
    const char *file, *random;
    bool input;
};

static lk_result take_secret(const struct source *s, struct lk_secret *secret)
{
    if (s->file != NULL)
        return read_secret_file(s->file, secret);
    return s->random != NULL ? random_secret(s->random, secret) : read_secret(STDIN_FILENO, secret);
}

/* Seals to the import key that the installation key certified. */
static lk_result seal(const struct lk_admin_hello *hello, const struct lk_secret *secret, struct lk_buf *out)
{
    enum lk_suite suite = lk_suite_by_name(lk_bytes_str(hello->import_suite));
    LK_REQUIRE(suite != LK_SUITE_NONE, RECIPIENT_SUITE);
    EVP_PKEY *key = lk_key_rsa_spki(hello->import_key);
    LK_REQUIRE(key != NULL, RECIPIENT_KEY);
    lk_result r = lk_rsa_aes_wrap(key, suite, lk_secret_bytes(secret), out);
    EVP_PKEY_free(key);
    return r;
}

static lk_result make_payload(const struct lk_admin_hello *hello, const char *name, const char *kek,
                              const struct lk_secret *secret, struct lk_buf *payload)
{
    LK_BUF_AUTO wrapped = lk_buf(LK_SECRET_MAX + 4096);
    LK_TRY(seal(hello, secret, &wrapped));
    Latchkey__V1__SecretPut put = LATCHKEY__V1__SECRET_PUT__INIT;
    put.schema = 1;
    put.name = (char *)(uintptr_t)name;
    put.kek = (char *)(uintptr_t)kek;
    put.wrapped = lk_client_bin(lk_buf_bytes(&wrapped));
    lk_client_pack(payload, &put);
    return lk_buf_ok(payload);
}

static int secret_put(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    struct source source = {0};
    const char *kek = "sealed";
    const struct lk_remote_option extra[] = {
        {"file", &source.file, NULL, " F: its bytes are the secret, exactly"},
        {"random", &source.random, NULL, " BYTES: as many, made by this machine"},
        {"stdin", NULL, &source.input, ": what standard input holds, exactly"},
        {"kek", &kek, NULL, " sealed|in-token: which key keeps it; in-token: never leaves the HSM unwrapped, RSA recipients only"},
    };
    int code;
    if (!lk_remote_args(&r, argc, argv, extra, 4,
                        "secret put NAME (--file F | --stdin | --random BYTES) [--kek sealed|in-token]", &code))
        return code;
    if (r.name == NULL || (strcmp(kek, "sealed") != 0 && strcmp(kek, "in-token") != 0))
        return lk_cli_usage("secret put: a name is needed, and --kek is sealed or in-token");
    if ((source.file != NULL) + (source.random != NULL) + source.input != 1)
        return lk_cli_usage("secret put: one of --file, --stdin and --random is needed");
    LK_SECRET_AUTO secret = {0};
    LK_BUF_AUTO payload = lk_buf(LK_SECRET_MAX + 8192);
    if (!lk_ok(lk_secret_setup(LOCKED_MEMORY)))
        fputs("latchkey: no locked memory: the secret may be swapped out\n", stderr);
    lk_result result = take_secret(&source, &secret);
    if (lk_ok(result))
        result = lk_remote_open(&r);
    if (lk_ok(result))
        result = make_payload(lk_admin_hello(r.admin), r.name, kek, &secret, &payload);
    if (!lk_ok(result))
        return lk_admin_fail(r.admin, result, "secret put %s", r.name);
    return lk_remote_put(&r, LK_CHANGE_SECRET_PUT, "secret", r.name, lk_buf_bytes(&payload));
}

static int secret_list(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    int code;
    if (!lk_remote_args(&r, argc, argv, NULL, 0, "secret list [PREFIX]", &code))
        return code;
    return lk_remote_list(&r, "secret", r.name);
}

static int secret_delete(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    int code;
    if (!lk_remote_args(&r, argc, argv, NULL, 0, "secret delete NAME", &code))
        return code;
    if (r.name == NULL)
        return lk_cli_usage("secret delete: a name is needed");
    return lk_remote_delete(&r, LK_CHANGE_SECRET_DELETE, "secret", r.name);
}

int lk_cmd_secret(int argc, char **argv)
{
    static const struct lk_command verbs[] = {
        {"put", "NAME (--file F | --stdin | --random BYTES): seals a secret to the broker's token; a new version", secret_put},
        {"list", "[PREFIX]: names, versions and digests", secret_list},
        {"delete", "NAME: all versions", secret_delete},
    };
    return lk_cli_dispatch("latchkey secret", verbs, sizeof(verbs) / sizeof(*verbs), argc, argv);
}
