/* SPDX-License-Identifier: Apache-2.0 */
/* proto/seal/sshsig against ssh-keygen's own keys and signatures; FIDO keys by signatures composed here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/seal/envelope.h"
#include "proto/seal/hash.h"

#define CODE(r) ((int)(r).code)
#define MESSAGE "a change"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/latchkey-sshsig-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
    char command[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    assert_int_equal(system(command), 0);
}

static int drop_dir(void **state)
{
    (void)state;
    run("rm -rf %s", dir);
    return 0;
}

static size_t read_file(const char *name, char *out, size_t size)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = 0;
    return n;
}

/* The blob inside "-----BEGIN SSH SIGNATURE-----". */
static void unarmor(const char *name, struct lk_buf *out)
{
    char text[8192], base64[8192];
    read_file(name, text, sizeof(text));
    char *at = strchr(text, '\n'), *end = strstr(text, "-----END");
    assert_true(at != NULL && end != NULL);
    size_t n = 0;
    for (; at < end; at++)
        if (*at != '\n')
            base64[n++] = *at;
    uint8_t *room = lk_put_room(out, n / 4 * 3);
    assert_non_null(room);
    assert_int_equal(EVP_DecodeBlock(room, (const unsigned char *)base64, (int)n), n / 4 * 3);
    for (size_t pad = 0; pad < 2 && base64[n - 1 - pad] == '='; pad++)
        out->len--;
}

static void signs_and_verifies(const char *type, const char *bits, const char *hash)
{
    run("cd %s && rm -f k k.pub m m.sig && ssh-keygen -q -t %s %s -N '' -C 'an admin' -f k && printf '%s' > m && "
        "ssh-keygen -q -Y sign -f k -n latchkey -O hashalg=%s m 2>/dev/null", dir, type, bits, MESSAGE, hash);
    LK_BUF_AUTO blob = lk_buf(8192);
    LK_BUF_AUTO wire = lk_buf(8192);
    char line[4096], shown[512], fingerprint[51];
    unarmor("m.sig", &blob);
    size_t n = read_file("k.pub", line, sizeof(line));
    assert_int_equal(CODE(lk_ssh_public_line(lk_bytes(line, n), &wire)), LK_R_OK);

    struct lk_bytes key = LK_BYTES_NONE, msg = lk_bytes_str(MESSAGE);
    assert_int_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&blob), msg, &key)), LK_R_OK);
    assert_true(lk_bytes_eq(key, lk_buf_bytes(&wire)));

    run("cd %s && ssh-keygen -l -f k.pub > l", dir);
    read_file("l", shown, sizeof(shown));
    lk_ssh_fingerprint(key, fingerprint);
    assert_non_null(strstr(shown, fingerprint));

    key = LK_BYTES_NONE;
    assert_int_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&blob), lk_bytes_str("another"), &key)),
                     LK_R_CHANGE_SIGNATURE);
    assert_null(key.data);
    for (size_t cut = 0; cut < blob.len; cut += 3)
        assert_int_equal(CODE(lk_sshsig_verify(lk_bytes(blob.data, cut), msg, &key)), LK_R_CHANGE_MALFORMED);
    for (size_t at = 0; at < blob.len; at += 5) {
        blob.data[at] ^= 0x04;
        assert_int_not_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&blob), msg, &key)), LK_R_OK);
        blob.data[at] ^= 0x04;
    }
}

static void ssh_keygen_signatures(void **state)
{
    (void)state;
    signs_and_verifies("ed25519", "", "sha512");
    signs_and_verifies("ed25519", "", "sha256");
    signs_and_verifies("ecdsa", "-b 256", "sha512");
    signs_and_verifies("ecdsa", "-b 384", "sha512");
    signs_and_verifies("ecdsa", "-b 521", "sha256");
    signs_and_verifies("rsa", "-b 2048", "sha512");
}

static void another_namespace_is_refused(void **state)
{
    (void)state;
    run("cd %s && rm -f k k.pub m m.sig && ssh-keygen -q -t ed25519 -N '' -f k && printf '%s' > m && "
        "ssh-keygen -q -Y sign -f k -n file m 2>/dev/null", dir, MESSAGE);
    LK_BUF_AUTO blob = lk_buf(8192);
    unarmor("m.sig", &blob);
    struct lk_bytes key;
    assert_int_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&blob), lk_bytes_str(MESSAGE), &key)),
                     LK_R_CHANGE_SIGNATURE);
}

static void short_rsa_keys_are_refused(void **state)
{
    (void)state;
    run("cd %s && rm -f k k.pub && ssh-keygen -q -t rsa -b 1024 -N '' -f k", dir);
    char line[4096];
    size_t n = read_file("k.pub", line, sizeof(line));
    LK_BUF_AUTO wire = lk_buf(8192);
    assert_int_equal(CODE(lk_ssh_public_line(lk_bytes(line, n), &wire)), LK_R_CHANGE_MALFORMED);
}

static void odd_lines_are_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519 !!!!", "ssh-ed25519 AAAA",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        LK_BUF_AUTO wire = lk_buf(8192);
        assert_int_equal(CODE(lk_ssh_public_line(lk_bytes_str(rows[i]), &wire)), LK_R_CHANGE_MALFORMED);
    }
}

/* ---- FIDO keys: a device made of software, as PROTOCOL.u2f describes it ---- */

static void put_string(struct lk_buf *b, struct lk_bytes s)
{
    lk_put_u32be(b, (uint32_t)s.len);
    lk_put(b, s);
}

static void put_text(struct lk_buf *b, const char *s)
{
    put_string(b, lk_bytes_str(s));
}

static void device_signs(EVP_PKEY *key, const char *hash, uint8_t flags, struct lk_bytes msg, struct lk_buf *out)
{
    LK_BUF_AUTO inner = lk_buf(1024);
    LK_BUF_AUTO outer = lk_buf(1024);
    uint8_t digest[64], application[32], inner_hash[32], sig[128];
    assert_int_equal(CODE(lk_sha512(LK_PARTS(msg), digest)), LK_R_OK);
    lk_put(&inner, lk_bytes_str("SSHSIG"));
    put_text(&inner, "latchkey");
    put_text(&inner, "");
    put_text(&inner, "sha512");
    put_string(&inner, LK_BYTES(digest));
    assert_int_equal(CODE(lk_sha256(LK_PARTS(lk_bytes_str("ssh:")), application)), LK_R_OK);
    assert_int_equal(CODE(lk_sha256(LK_PARTS(lk_buf_bytes(&inner)), inner_hash)), LK_R_OK);
    lk_put(&outer, LK_BYTES(application));
    lk_put_u8(&outer, flags);
    lk_put_u32be(&outer, 42);
    lk_put(&outer, LK_BYTES(inner_hash));
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &len, outer.data, outer.len), 1);
    EVP_MD_CTX_free(ctx);
    lk_put(out, lk_bytes(sig, len));
}

/* DER of an ECDSA signature is 30 len 02 len r 02 len s: its integers are mpints with a one-byte length. */
static void der_to_mpints(struct lk_bytes der, struct lk_buf *out)
{
    struct lk_cursor c = lk_cursor(der);
    lk_take(&c, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(lk_u8(&c), 2);
        uint8_t len = lk_u8(&c);
        put_string(out, lk_take(&c, len));
    }
    assert_int_equal(CODE(lk_cursor_end(&c)), LK_R_OK);
}

static void compose(EVP_PKEY *key, const char *type, uint8_t flags, struct lk_buf *blob)
{
    bool ecdsa = strncmp(type, "sk-ecdsa", 8) == 0;
    LK_BUF_AUTO pub = lk_buf(512);
    LK_BUF_AUTO raw = lk_buf(512);
    LK_BUF_AUTO mpints = lk_buf(512);
    LK_BUF_AUTO sig = lk_buf(512);
    unsigned char *point = NULL;
    uint8_t ed[32];
    size_t n = sizeof(ed);
    put_text(&pub, type);
    if (ecdsa) {
        put_text(&pub, "nistp256");
        n = EVP_PKEY_get1_encoded_public_key(key, &point);
        put_string(&pub, lk_bytes(point, n));
        OPENSSL_free(point);
    } else {
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, ed, &n), 1);
        put_string(&pub, lk_bytes(ed, n));
    }
    put_text(&pub, "ssh:");
    device_signs(key, ecdsa ? "SHA256" : NULL, flags, lk_bytes_str(MESSAGE), &raw);
    if (ecdsa)
        der_to_mpints(lk_buf_bytes(&raw), &mpints);
    put_text(&sig, type);
    put_string(&sig, ecdsa ? lk_buf_bytes(&mpints) : lk_buf_bytes(&raw));
    lk_put_u8(&sig, flags);
    lk_put_u32be(&sig, 42);

    lk_put(blob, lk_bytes_str("SSHSIG"));
    lk_put_u32be(blob, 1);
    put_string(blob, lk_buf_bytes(&pub));
    put_text(blob, "latchkey");
    put_text(blob, "");
    put_text(blob, "sha512");
    put_string(blob, lk_buf_bytes(&sig));
}

static void fido_signatures_need_presence(void **state)
{
    (void)state;
    static const char *const types[] = {"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"};
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = i == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
        LK_BUF_AUTO present = lk_buf(2048);
        LK_BUF_AUTO absent = lk_buf(2048);
        struct lk_bytes signer, msg = lk_bytes_str(MESSAGE);
        compose(key, types[i], 0x01, &present);
        assert_int_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&present), msg, &signer)), LK_R_OK);
        assert_int_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&present), lk_bytes_str("x"), &signer)),
                         LK_R_CHANGE_SIGNATURE);
        present.data[present.len - 1] ^= 1; /* the counter is signed */
        assert_int_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&present), msg, &signer)), LK_R_CHANGE_SIGNATURE);
        compose(key, types[i], 0x04, &absent);
        assert_int_equal(CODE(lk_sshsig_verify(lk_buf_bytes(&absent), msg, &signer)), LK_R_CHANGE_SIGNATURE);
        EVP_PKEY_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ssh_keygen_signatures),
        cmocka_unit_test(another_namespace_is_refused),
        cmocka_unit_test(short_rsa_keys_are_refused),
        cmocka_unit_test(odd_lines_are_malformed),
        cmocka_unit_test(fido_signatures_need_presence),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
