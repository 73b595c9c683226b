/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey reference import --keylime`: a runtime policy of Keylime as a set and as rules. */
#include <getopt.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "broker/cli/keylime.h"
#include "broker/cli/remote.h"
#include "broker/cli/set.h"

#define POLICY_FILE_MAX (256u << 20)

static const char usage[] =
    "usage: latchkey reference import --keylime FILE [--key PEM] --name NAME --out FILE\n"
    "\n"
    "  --keylime FILE  a runtime policy, version 1; signed ones (DSSE) need --key\n"
    "  --key PEM       the signer's public key or certificate\n"
    "  --name NAME     of the set\n"
    "  --out FILE      the set, for reference set put; rules for the policy go to standard output\n";

struct import {
    const char *keylime, *key, *name, *out;
};

/* A public key, or the certificate that has it. */
static EVP_PKEY *read_key(const char *path)
{
    FILE *in = fopen(path, "re");
    EVP_PKEY *key = in == NULL ? NULL : PEM_read_PUBKEY(in, NULL, NULL, NULL);
    X509 *cert = NULL;
    if (in != NULL && key == NULL) {
        rewind(in);
        cert = PEM_read_X509(in, NULL, NULL, NULL);
        key = cert == NULL ? NULL : X509_get_pubkey(cert);
    }
    X509_free(cert);
    if (in != NULL)
        fclose(in);
    return key;
}

static lk_result convert(const struct import *i, json_t *policy, struct lk_buf *set, struct lk_buf *rules)
{
    struct lk_set_making *making = lk_set_making_new();
    LK_REQUIRE(making != NULL, MEMORY);
    struct lk_set_head head = {.name = i->name, .from = i->keylime, .approved_by = ""};
    lk_result r = lk_keylime_members(policy, making);
    if (lk_ok(r))
        r = lk_set_making_put(making, &head, set);
    if (lk_ok(r)) {
        fprintf(stderr, "%s: %zu members\n", i->name, lk_set_making_count(making));
        r = lk_keylime_rules(policy, i->name, rules);
    }
    lk_set_making_free(making);
    return r;
}

static lk_result import(const struct import *i)
{
    LK_BUF_AUTO file = lk_buf(POLICY_FILE_MAX), set = lk_buf(LK_SET_FILE_MAX), rules = lk_buf(4u << 20);
    json_t *policy = NULL;
    EVP_PKEY *key = i->key == NULL ? NULL : read_key(i->key);
    if (i->key != NULL && key == NULL) {
        fprintf(stderr, "latchkey: %s: no public key and no certificate in PEM\n", i->key);
        return LK_FAIL(FILE);
    }
    lk_result r = lk_cli_read_file(i->keylime, &file);
    if (lk_ok(r))
        r = lk_keylime_open(lk_buf_bytes(&file), key, &policy);
    EVP_PKEY_free(key);
    if (lk_ok(r))
        r = convert(i, policy, &set, &rules);
    json_decref(policy);
    LK_TRY(r);
    LK_TRY(lk_set_write(i->out, lk_buf_bytes(&set)));
    return fwrite(rules.data, 1, rules.len, stdout) == rules.len ? LK_OK : LK_FAIL(IO);
}

int lk_reference_import(int argc, char **argv)
{
    static const struct option options[] = {{"keylime", required_argument, NULL, 'k'}, {"key", required_argument, NULL, 'p'},
                                            {"name", required_argument, NULL, 'n'},    {"out", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},          {0}};
    struct import i = {.name = NULL};
    optind = 0;
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (opt == 'h')
            return fputs(usage, stdout) < 0;
        const char **to = opt == 'k' ? &i.keylime : opt == 'p' ? &i.key : opt == 'n' ? &i.name : opt == 'o' ? &i.out : NULL;
        if (to == NULL)
            return LK_EXIT_USAGE;
        *to = optarg;
    }
    if (i.keylime == NULL || i.name == NULL || i.out == NULL || optind != argc)
        return lk_cli_usage("reference import: --keylime, --name and --out are needed");
    lk_result r = import(&i);
    return lk_ok(r) ? 0 : lk_cli_fail(r, "reference import %s", i.keylime);
}
