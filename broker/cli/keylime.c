/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/keylime.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/keylime_regex.h"
#include "policy/appraise/text.h"
#include "proto/base/text.h"

static lk_result flaw(enum lk_reason_code code, const char *what)
{
    fprintf(stderr, "latchkey: no runtime policy of Keylime: %s\n", what);
    return (lk_result){code};
}

/* ---- DSSE ---- */

/* Base64 with its padding, and nothing else. */
static lk_result unbase64(const json_t *text, struct lk_buf *out)
{
    const char *s = json_string_value(text);
    size_t n = json_string_length(text);
    if (s == NULL || n == 0 || n % 4 != 0 || n > (64u << 20))
        return flaw(LK_R_POLICY_FIELD, "payload and sig are base64");
    uint8_t *room = lk_put_room(out, n / 4 * 3);
    LK_REQUIRE(room != NULL, MEMORY);
    int got = EVP_DecodeBlock(room, (const unsigned char *)s, (int)n);
    if (got < 0)
        return flaw(LK_R_POLICY_FIELD, "payload and sig are base64");
    size_t padding = s[n - 2] == '=' ? 2 : s[n - 1] == '=';
    out->len = out->len - n / 4 * 3 + (size_t)got - padding;
    return LK_OK;
}

/* "DSSEv1" SP length SP type SP length SP payload */
static lk_result pae(const char *type, struct lk_bytes payload, struct lk_buf *out)
{
    lk_put_fmt(out, "DSSEv1 %zu %s %zu ", strlen(type), type, payload.len);
    lk_put(out, payload);
    return lk_buf_ok(out);
}

static bool verifies(EVP_PKEY *key, struct lk_bytes message, struct lk_bytes sig)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_PKEY_is_a(key, "EC") && EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
                EVP_DigestVerify(ctx, sig.data, sig.len, message.data, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static lk_result check_signatures(json_t *envelope, EVP_PKEY *key, struct lk_bytes message)
{
    json_t *entry;
    size_t i;
    json_array_foreach (json_object_get(envelope, "signatures"), i, entry) {
        LK_BUF_AUTO sig = lk_buf(4096);
        LK_TRY(unbase64(json_object_get(entry, "sig"), &sig));
        if (verifies(key, message, lk_buf_bytes(&sig)))
            return LK_OK;
    }
    return flaw(LK_R_SIGNATURE_INVALID, "no signature of the envelope is the key's");
}

static lk_result open_envelope(json_t *envelope, EVP_PKEY *key, json_t **out)
{
    const char *type = json_string_value(json_object_get(envelope, "payloadType"));
    LK_BUF_AUTO payload = lk_buf(64u << 20);
    LK_BUF_AUTO message = lk_buf(65u << 20);
    if (type == NULL)
        return flaw(LK_R_POLICY_FIELD, "no payloadType");
    LK_TRY(unbase64(json_object_get(envelope, "payload"), &payload));
    LK_TRY(pae(type, lk_buf_bytes(&payload), &message));
    LK_TRY(check_signatures(envelope, key, lk_buf_bytes(&message)));
    *out = json_loadb((const char *)payload.data, payload.len, JSON_REJECT_DUPLICATES, NULL);
    return *out != NULL ? LK_OK : flaw(LK_R_POLICY_SYNTAX, "the payload is not JSON");
}

/* Says no when the policy is of a version, or says a thing, that would be lost on the way. */
static lk_result check_policy(json_t *policy)
{
    static const char *const known[] = {"meta", "release", "digests", "excludes", "keyrings", "ima", "ima-buf", "verification-keys"};
    const char *key;
    json_t *value;
    if (!json_is_object(policy))
        return flaw(LK_R_POLICY_SYNTAX, "no object");
    if (json_integer_value(json_object_get(json_object_get(policy, "meta"), "version")) != 1)
        return flaw(LK_R_POLICY_SCHEMA, "meta.version is not 1");
    json_object_foreach (policy, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            found = found || strcmp(known[i], key) == 0;
        if (!found)
            return flaw(LK_R_POLICY_FIELD, key);
    }
    json_t *dm = json_object_get(json_object_get(policy, "ima"), "dm_policy");
    return dm == NULL || json_is_null(dm) ? LK_OK : flaw(LK_R_POLICY_FIELD, "ima.dm_policy: there is no rule that would say the same");
}

lk_result lk_keylime_open(struct lk_bytes file, EVP_PKEY *key, json_t **out)
{
    json_t *root = json_loadb((const char *)file.data, file.len, JSON_REJECT_DUPLICATES, NULL);
    bool envelope = json_object_get(root, "payloadType") != NULL;
    lk_result r = LK_OK;
    *out = NULL;
    if (root == NULL)
        r = flaw(LK_R_POLICY_SYNTAX, "no JSON");
    else if (envelope && key == NULL)
        r = flaw(LK_R_POLICY_FIELD, "it is signed; --key says by whom");
    else if (!envelope && key != NULL)
        r = flaw(LK_R_SIGNATURE_INVALID, "it is not signed, but --key was given");
    else if (envelope)
        r = open_envelope(root, key, out);
    else
        *out = json_incref(root);
    json_decref(root);
    if (lk_ok(r))
        r = check_policy(*out);
    if (lk_ok(r))
        return r;
    json_decref(*out);
    *out = NULL;
    return r;
}

/* ---- members ---- */

/* Keylime writes no algorithm: the length says it. */
static uint16_t algorithm_of(size_t len)
{
    static const char *const names[] = {"sha1", "sha256", "sha384", "sha512"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (lk_bank_size(lk_bank_by_name(lk_bytes_str(names[i]))) == len)
            return lk_bank_by_name(lk_bytes_str(names[i]));
    return 0;
}

static lk_result add_digest(struct lk_set_making *set, const char *name, const json_t *text)
{
    uint8_t digest[64];
    const char *hex = json_string_value(text);
    ptrdiff_t n = hex == NULL ? -1 : lk_unhex(hex, strlen(hex), digest, sizeof(digest));
    struct lk_member m = {.name = lk_bytes_str(name), .alg = n > 0 ? algorithm_of((size_t)n) : 0,
                          .digest = lk_bytes(digest, n > 0 ? (size_t)n : 0)};
    if (m.alg == 0) {
        fprintf(stderr, "latchkey: %s: no digest of sha1, sha256, sha384 or sha512 in hex\n", name);
        return LK_FAIL(POLICY_VALUE);
    }
    return lk_set_making_add(set, &m, false);
}

/* {name: [hex, ...]} */
static lk_result add_map(struct lk_set_making *set, json_t *policy, const char *field)
{
    json_t *map = json_object_get(policy, field), *list, *digest;
    const char *name;
    size_t i;
    if (map != NULL && !json_is_null(map) && !json_is_object(map))
        return flaw(LK_R_POLICY_FIELD, field);
    json_object_foreach (map, name, list) {
        if (strcmp(name, "boot_aggregate") == 0)
            continue; /* every list's is compared with the quoted PCRs */
        if (!json_is_array(list))
            return flaw(LK_R_POLICY_FIELD, name);
        json_array_foreach (list, i, digest)
            LK_TRY(add_digest(set, name, digest));
    }
    return LK_OK;
}

lk_result lk_keylime_members(json_t *policy, struct lk_set_making *set)
{
    LK_TRY(add_map(set, policy, "digests"));
    LK_TRY(add_map(set, policy, "keyrings"));
    return add_map(set, policy, "ima-buf");
}

/* ---- rules ---- */

/* A JSON string is a YAML scalar, and cannot end a comment's line. */
static void put_quoted(struct lk_buf *out, const char *text)
{
    json_t *s = json_string(text);
    char *dumped = s == NULL ? NULL : json_dumps(s, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    lk_put_fmt(out, "%s", dumped == NULL ? "\"?\"" : dumped);
    free(dumped);
    json_decref(s);
}

static void put_glob(struct lk_buf *list, const char *glob)
{
    lk_put_fmt(list, "%s", list->len == 0 ? "" : ", ");
    put_quoted(list, glob);
}

static void translate(const char *regex, struct lk_buf *globs, struct lk_buf *open)
{
    char glob[LK_GLOB_MAX + 1];
    enum lk_regex_fit fit = lk_regex_to_glob(regex, strlen(regex), glob);
    if (fit == LK_REGEX_EXACT) {
        put_glob(globs, glob);
        return;
    }
    lk_put_fmt(open, "# not taken: ");
    put_quoted(open, regex);
    if (fit == LK_REGEX_WIDER) {
        lk_put_fmt(open, "; wider only by paths with a line end: ");
        put_quoted(open, glob);
    }
    lk_put_fmt(open, "\n");
}

/* Names that rules on buffers take as they are. */
static void ignore_keyring(const char *name, struct lk_buf *globs, struct lk_buf *open)
{
    if (name[0] != '\0' && strpbrk(name, "*?\\") == NULL && lk_glob_ok(name)) {
        put_glob(globs, name);
        return;
    }
    lk_put_fmt(open, "# not taken: ignored keyring ");
    put_quoted(open, name);
    lk_put_fmt(open, "\n");
}

static lk_result each_text(json_t *list, const char *field, void (*take)(const char *, struct lk_buf *, struct lk_buf *),
                           struct lk_buf *globs, struct lk_buf *open)
{
    json_t *text;
    size_t i;
    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return flaw(LK_R_POLICY_FIELD, field);
    json_array_foreach (list, i, text) {
        if (json_string_value(text) == NULL)
            return flaw(LK_R_POLICY_FIELD, field);
        take(json_string_value(text), globs, open);
    }
    LK_TRY(lk_buf_ok(globs));
    return lk_buf_ok(open);
}

static size_t count_keys(json_t *policy)
{
    const char *text = json_string_value(json_object_get(policy, "verification-keys"));
    json_t *keys = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    size_t n = json_array_size(json_object_get(keys, "pubkeys"));
    json_decref(keys);
    return n;
}

static void put_rule(struct lk_buf *out, const char *claim, const char *set, const struct lk_buf *globs)
{
    lk_put_fmt(out, "  %s: {in-set: %s", claim, set);
    if (globs->len > 0)
        lk_put_fmt(out, ", exclude: [%.*s]", (int)globs->len, (const char *)globs->data);
    lk_put_fmt(out, "}\n");
}

lk_result lk_keylime_rules(json_t *policy, const char *set, struct lk_buf *out)
{
    LK_BUF_AUTO excludes = lk_buf(1u << 20), keyrings = lk_buf(1u << 20), open = lk_buf(1u << 20);
    json_t *ignored = json_object_get(json_object_get(policy, "ima"), "ignored_keyrings");
    LK_TRY(each_text(json_object_get(policy, "excludes"), "excludes", translate, &excludes, &open));
    LK_TRY(each_text(ignored, "ima.ignored_keyrings", ignore_keyring, &keyrings, &open));
    lk_put_fmt(out, "ima:\n");
    put_rule(out, "files", set, &excludes);
    put_rule(out, "buffers", set, &keyrings);
    lk_put(out, lk_buf_bytes(&open));
    size_t n = count_keys(policy);
    if (n > 0)
        lk_put_fmt(out, "# %zu verification keys: add each one's certificate as an anchor of ima, and say in signed-by what it signs\n", n);
    return lk_buf_ok(out);
}
