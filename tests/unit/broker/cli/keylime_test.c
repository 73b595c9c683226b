/* SPDX-License-Identifier: Apache-2.0 */
/* Keylime's runtime policies: what is taken over exactly, what is left to decide, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/keylime.h"
#include "broker/cli/keylime_regex.h"

static void expressions(void **state)
{
    static const struct {
        const char *regex, *glob;
        enum lk_regex_fit fit;
    } rows[] = {
        {"/tmp/.*", "/tmp/**", LK_REGEX_EXACT},
        {"^/tmp/", "/tmp/**", LK_REGEX_EXACT}, /* re.match: what follows does not matter */
        {"/tmp", "/tmp**", LK_REGEX_EXACT},
        {"^/etc/mtab$", "/etc/mtab", LK_REGEX_EXACT},
        {"/etc/mtab\\$", "/etc/mtab$**", LK_REGEX_EXACT},
        {"/lib/[^/]*\\.so", "/lib/*.so**", LK_REGEX_EXACT},
        {"/lib/[^/]+$", "/lib/?*", LK_REGEX_EXACT},
        {"/a\\*b", "/a\\*b**", LK_REGEX_EXACT},
        {"/a/.*\\.pyc$", "/a/**.pyc", LK_REGEX_WIDER},
        {"/a/.*\\.pyc", "/a/**.pyc**", LK_REGEX_WIDER},
        {"/a/.*$", "/a/**", LK_REGEX_WIDER},
        {".*", "", LK_REGEX_NONE}, /* everything */
        {"", "", LK_REGEX_NONE},
        {"/a.b", "", LK_REGEX_NONE},
        {"/(a|b)/", "", LK_REGEX_NONE},
        {"/a|/b", "", LK_REGEX_NONE},
        {"/a[0-9]", "", LK_REGEX_NONE},
        {"/a\\d", "", LK_REGEX_NONE},
        {"/ab?", "", LK_REGEX_NONE},
        {"/ab*", "", LK_REGEX_NONE},
        {"/ab{2}", "", LK_REGEX_NONE},
        {"/a/.*?b", "", LK_REGEX_NONE},
        {"/a/.+", "", LK_REGEX_NONE},
        {"/a^", "", LK_REGEX_NONE},
        {"/a\\", "", LK_REGEX_NONE},
        {"/a\n", "", LK_REGEX_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char glob[LK_GLOB_MAX + 1];
        print_message("%s\n", rows[i].regex);
        assert_int_equal(lk_regex_to_glob(rows[i].regex, strlen(rows[i].regex), glob), rows[i].fit);
        assert_string_equal(glob, rows[i].glob);
    }
}

#define HEX "0101010101010101010101010101010101010101010101010101010101010101"
#define SHA1 "0202020202020202020202020202020202020202"
#define POLICY(more)                                                                                                 \
    "{\"meta\": {\"version\": 1, \"generator\": 0}, \"release\": 0, \"digests\": {\"/bin/a\": [\"" HEX "\", \"" SHA1 \
    "\"], \"boot_aggregate\": [\"" HEX "\"]}, " more                                                                 \
    "\"ima\": {\"ignored_keyrings\": [\".ima\", \"*\"], \"log_hash_alg\": \"sha256\", \"dm_policy\": null}}"
#define FULL                                                                                           \
    POLICY("\"excludes\": [\"/tmp/.*\", \"/a|b\"], \"keyrings\": {\".keys\": [\"" HEX "\"]}, "          \
           "\"ima-buf\": {\"dm_table_load\": [\"" HEX "\"]}, "                                          \
           "\"verification-keys\": \"{\\\"pubkeys\\\": [\\\"AAAA\\\"], \\\"keyids\\\": [1]}\", ")

static void a_policy_becomes_a_set_and_rules(void **state)
{
    (void)state;
    json_t *policy = NULL;
    struct lk_set_making *set = lk_set_making_new();
    LK_BUF_AUTO rules = lk_buf(1 << 16);
    assert_int_equal(lk_keylime_open(lk_bytes_str(FULL), NULL, &policy).code, LK_R_OK);
    assert_int_equal(lk_keylime_members(policy, set).code, LK_R_OK);
    assert_int_equal(lk_set_making_count(set), 4);
    assert_int_equal(lk_keylime_rules(policy, "fleet", &rules).code, LK_R_OK);
    static const char want[] = "ima:\n"
                               "  files: {in-set: fleet, exclude: [\"/tmp/**\"]}\n"
                               "  buffers: {in-set: fleet, exclude: [\".ima\"]}\n"
                               "# not taken: \"/a|b\"\n"
                               "# not taken: ignored keyring \"*\"\n"
                               "# 1 verification keys: add each one's certificate as an anchor of ima, and say in signed-by what it signs\n";
    assert_int_equal(rules.len, strlen(want));
    assert_memory_equal(rules.data, want, rules.len);
    lk_set_making_free(set);
    json_decref(policy);
}

static void policies_that_are_refused(void **state)
{
    static const struct {
        const char *json;
        enum lk_reason_code open, members;
    } rows[] = {
        {POLICY(""), LK_R_OK, LK_R_OK},
        {"{", LK_R_POLICY_SYNTAX, LK_R_OK},
        {"[]", LK_R_POLICY_SYNTAX, LK_R_OK},
        {"{\"meta\": {\"version\": 2}}", LK_R_POLICY_SCHEMA, LK_R_OK},
        {POLICY("\"release\": 1, "), LK_R_POLICY_SYNTAX, LK_R_OK}, /* a key twice */
        {POLICY("\"allow\": 1, "), LK_R_POLICY_FIELD, LK_R_OK},
        {"{\"meta\": {\"version\": 1}, \"ima\": {\"dm_policy\": {}}}", LK_R_POLICY_FIELD, LK_R_OK},
        {POLICY("\"keyrings\": {\".ima\": \"" HEX "\"}, "), LK_R_OK, LK_R_POLICY_FIELD},
        {POLICY("\"keyrings\": [], "), LK_R_OK, LK_R_POLICY_FIELD},
        {POLICY("\"keyrings\": {\".ima\": [\"0101\"]}, "), LK_R_OK, LK_R_POLICY_VALUE},
        {POLICY("\"keyrings\": {\".ima\": [7]}, "), LK_R_OK, LK_R_POLICY_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *policy = NULL;
        struct lk_set_making *set = lk_set_making_new();
        assert_int_equal(lk_keylime_open(lk_bytes_str(rows[i].json), NULL, &policy).code, rows[i].open);
        if (rows[i].open == LK_R_OK)
            assert_int_equal(lk_keylime_members(policy, set).code, rows[i].members);
        lk_set_making_free(set);
        json_decref(policy);
    }
}

/* ---- DSSE ---- */

#define TYPE "application/vnd.keylime+json"

static char *base64(struct lk_bytes b)
{
    char *out = calloc(1, b.len / 3 * 4 + 5);
    assert_non_null(out);
    EVP_EncodeBlock((unsigned char *)out, b.data, (int)b.len);
    return out;
}

static struct lk_buf envelope(EVP_PKEY *key, const char *type, const char *payload)
{
    struct lk_buf out = lk_buf(1 << 16);
    LK_BUF_AUTO message = lk_buf(1 << 16);
    uint8_t sig[128];
    size_t n = sizeof(sig);
    lk_put_fmt(&message, "DSSEv1 %zu %s %zu %s", strlen(TYPE), TYPE, strlen(payload), payload);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, message.data, message.len), 1);
    EVP_MD_CTX_free(ctx);
    char *body = base64(lk_bytes_str(payload)), *text = base64(lk_bytes(sig, n));
    lk_put_fmt(&out, "{\"payload\": \"%s\", \"payloadType\": \"%s\", \"signatures\": [{\"keyid\": \"x\", \"sig\": \"%s\"}]}", body,
               type, text);
    free(body);
    free(text);
    return out;
}

static enum lk_reason_code open_as(const struct lk_buf *file, EVP_PKEY *key)
{
    json_t *policy = NULL;
    enum lk_reason_code code = lk_keylime_open(lk_buf_bytes(file), key, &policy).code;
    assert_int_equal(policy != NULL, code == LK_R_OK);
    json_decref(policy);
    return code;
}

static void signed_policies(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
    struct lk_buf good = envelope(key, TYPE, FULL), retyped = envelope(key, "text/plain", FULL), list = envelope(key, TYPE, "[]");
    struct lk_buf plain = lk_buf(1 << 16);
    lk_put(&plain, lk_bytes_str(FULL));
    assert_int_equal(open_as(&good, key), LK_R_OK);
    assert_int_equal(open_as(&good, other), LK_R_SIGNATURE_INVALID);
    assert_int_equal(open_as(&good, rsa), LK_R_SIGNATURE_INVALID);
    assert_int_equal(open_as(&good, NULL), LK_R_POLICY_FIELD);  /* nobody would have checked it */
    assert_int_equal(open_as(&plain, key), LK_R_SIGNATURE_INVALID);
    assert_int_equal(open_as(&retyped, key), LK_R_SIGNATURE_INVALID);
    assert_int_equal(open_as(&list, key), LK_R_POLICY_SYNTAX);
    good.data[40] ^= 1; /* in the payload */
    assert_int_not_equal(open_as(&good, key), LK_R_OK);
    struct lk_buf *all[] = {&good, &retyped, &list, &plain};
    for (size_t i = 0; i < 4; i++)
        lk_buf_free(all[i]);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(rsa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(expressions), cmocka_unit_test(a_policy_becomes_a_set_and_rules),
                                       cmocka_unit_test(policies_that_are_refused), cmocka_unit_test(signed_policies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
