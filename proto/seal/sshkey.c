/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/sshkey.h"

#include "proto/seal/envelope.h"
#include "proto/seal/hash.h"
#include "proto/seal/key.h"

#include <openssl/evp.h>
#include <string.h>

enum { NAME_MAX_LEN = 64, POINT_MAX = 133, RSA_MIN = 256, RSA_MAX = 1024, LINE_MAX_LEN = 16384 };

static const struct lk_ssh_type types[] = {
    {"ssh-ed25519", LK_SSH_ED25519, NULL, NULL, NULL, false},
    {"ecdsa-sha2-nistp256", LK_SSH_ECDSA, "nistp256", "P-256", "SHA256", false},
    {"ecdsa-sha2-nistp384", LK_SSH_ECDSA, "nistp384", "P-384", "SHA384", false},
    {"ecdsa-sha2-nistp521", LK_SSH_ECDSA, "nistp521", "P-521", "SHA512", false},
    {"ssh-rsa", LK_SSH_RSA, NULL, NULL, NULL, false},
    {"sk-ssh-ed25519@openssh.com", LK_SSH_ED25519, NULL, NULL, NULL, true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", LK_SSH_ECDSA, "nistp256", "P-256", "SHA256", true},
};

struct lk_bytes lk_ssh_string(struct lk_cursor *c, size_t max)
{
    uint32_t len = lk_u32be(c);
    if (len > max)
        lk_cursor_fail(c);
    return lk_take(c, len);
}

struct lk_bytes lk_ssh_mpint(struct lk_cursor *c, size_t max)
{
    struct lk_bytes n = lk_ssh_string(c, max + 1);
    bool positive = n.len > 0 && (n.data[0] & 0x80) == 0;
    bool minimal = positive && (n.data[0] != 0 || (n.len > 1 && (n.data[1] & 0x80) != 0));
    if (!minimal) {
        lk_cursor_fail(c);
        return LK_BYTES_NONE;
    }
    return n.data[0] == 0 ? lk_bytes(n.data + 1, n.len - 1) : n;
}

static const struct lk_ssh_type *type_of(struct lk_bytes name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (lk_bytes_eq(name, lk_bytes_str(types[i].name)))
            return &types[i];
    return NULL;
}

static EVP_PKEY *ed25519(struct lk_cursor *c)
{
    struct lk_bytes point = lk_ssh_string(c, 32);
    return point.len != 32 ? NULL : EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, point.data, point.len);
}

static EVP_PKEY *ecdsa(struct lk_cursor *c, const struct lk_ssh_type *type)
{
    struct lk_bytes curve = lk_ssh_string(c, NAME_MAX_LEN);
    struct lk_bytes point = lk_ssh_string(c, POINT_MAX);
    return lk_bytes_eq(curve, lk_bytes_str(type->curve)) ? lk_key_ec(type->group, point) : NULL;
}

static EVP_PKEY *rsa(struct lk_cursor *c)
{
    struct lk_bytes e = lk_ssh_mpint(c, 8);
    struct lk_bytes n = lk_ssh_mpint(c, RSA_MAX);
    bool size = n.len > RSA_MIN || (n.len == RSA_MIN && (n.data[0] & 0x80) != 0);
    bool odd = size && (n.data[n.len - 1] & 1) != 0 && e.len > 0 && (e.data[e.len - 1] & 1) != 0;
    bool exponent = odd && (e.len > 1 || e.data[0] >= 3);
    return exponent ? lk_key_rsa(n, e) : NULL;
}

lk_result lk_ssh_key_parse(struct lk_bytes blob, struct lk_ssh_key *out)
{
    struct lk_cursor c = lk_cursor(blob);
    *out = (struct lk_ssh_key){.type = type_of(lk_ssh_string(&c, NAME_MAX_LEN))};
    LK_REQUIRE(out->type != NULL, CHANGE_MALFORMED);
    switch (out->type->kind) {
    case LK_SSH_ED25519:
        out->key = ed25519(&c);
        break;
    case LK_SSH_ECDSA:
        out->key = ecdsa(&c, out->type);
        break;
    case LK_SSH_RSA:
        out->key = rsa(&c);
        break;
    }
    if (out->type->security_key)
        out->application = lk_ssh_string(&c, 255);
    if (out->key != NULL && lk_ok(lk_cursor_end(&c)))
        return LK_OK;
    EVP_PKEY_free(out->key);
    *out = (struct lk_ssh_key){0};
    return LK_FAIL(CHANGE_MALFORMED);
}

void lk_ssh_fingerprint(struct lk_bytes key, char out[static 51])
{
    uint8_t hash[32];
    unsigned char base64[45];
    memcpy(out, "SHA256:", 8);
    if (!lk_ok(lk_sha256(LK_PARTS(key), hash)))
        return;
    EVP_EncodeBlock(base64, hash, sizeof(hash)); /* 44 characters, of which the last is padding */
    memcpy(out + 7, base64, 43);
    out[50] = 0;
}

static struct lk_bytes next_word(struct lk_bytes *line)
{
    size_t from = 0, to;
    while (from < line->len && line->data[from] == ' ')
        from++;
    for (to = from; to < line->len && memchr(" \t\r\n", line->data[to], 4) == NULL; to++)
        ;
    struct lk_bytes word = lk_bytes(line->data + from, to - from);
    *line = lk_bytes(line->data + to, line->len - to);
    return word;
}

/* Padded base64, nothing else, into out; false otherwise. */
static bool unbase64(struct lk_bytes text, struct lk_buf *out)
{
    if (text.len == 0 || text.len % 4 != 0 || text.len > LINE_MAX_LEN)
        return false;
    size_t padding = 0;
    while (padding < 2 && text.data[text.len - 1 - padding] == '=')
        padding++;
    uint8_t *room = lk_put_room(out, text.len / 4 * 3);
    if (room == NULL || EVP_DecodeBlock(room, text.data, (int)text.len) != (int)(text.len / 4 * 3))
        return false;
    out->len -= padding;
    return true;
}

lk_result lk_ssh_public_line(struct lk_bytes line, struct lk_buf *out)
{
    struct lk_bytes name = next_word(&line), base64 = next_word(&line);
    size_t before = out->len;
    LK_REQUIRE(unbase64(base64, out), CHANGE_MALFORMED);
    struct lk_bytes blob = lk_bytes(out->data + before, out->len - before);
    struct lk_ssh_key key;
    LK_TRY(lk_ssh_key_parse(blob, &key));
    EVP_PKEY_free(key.key);
    return lk_bytes_eq(name, lk_bytes_str(key.type->name)) ? LK_OK : LK_FAIL(CHANGE_MALFORMED);
}
