/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey anchor` and `latchkey admin`: whom the broker trusts, for evidence and for changes. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "broker/cli/remote.h"
#include "broker/client/pack.h"
#include "policy.pb-c.h"
#include "policy/evidence/family.h"

#define CERT_FILE_MAX (256u << 10)
#define INTERMEDIATES_MAX 8

/* Every certificate of a file, PEM or one in DER, as DER. */
struct certs {
    ProtobufCBinaryData der[INTERMEDIATES_MAX];
    size_t n;
};

static void free_certs(struct certs *c)
{
    for (size_t i = 0; i < c->n; i++)
        OPENSSL_free(c->der[i].data);
}
#define CERTS_AUTO __attribute__((cleanup(free_certs))) struct certs

static lk_result add_cert(struct certs *c, X509 *cert)
{
    unsigned char *der = NULL;
    int len = c->n < INTERMEDIATES_MAX ? i2d_X509(cert, &der) : 0;
    X509_free(cert);
    LK_REQUIRE(len > 0, CERT_TOO_MANY);
    c->der[c->n++] = (ProtobufCBinaryData){.len = (size_t)len, .data = der};
    return LK_OK;
}

static lk_result read_pem(BIO *bio, struct certs *c)
{
    for (X509 *cert; (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL;)
        LK_TRY(add_cert(c, cert));
    return LK_OK;
}

static lk_result read_certs(const char *path, struct certs *c)
{
    LK_BUF_AUTO text = lk_buf(CERT_FILE_MAX);
    LK_TRY(lk_cli_read_file(path, &text));
    const unsigned char *p = text.data;
    X509 *one = d2i_X509(NULL, &p, (long)text.len);
    if (one != NULL)
        return add_cert(c, one);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    LK_REQUIRE(bio != NULL, MEMORY);
    lk_result r = read_pem(bio, c);
    BIO_free(bio);
    LK_TRY(r);
    LK_REQUIRE(c->n > 0, CERT_MALFORMED);
    return LK_OK;
}

static lk_result make_anchor(const char *name, const char *family, const char *file, const char *intermediates,
                             struct lk_buf *out)
{
    CERTS_AUTO root = {0};
    CERTS_AUTO hints = {0};
    LK_TRY(read_certs(file, &root));
    LK_REQUIRE(root.n == 1, CERT_TOO_MANY);
    if (intermediates != NULL)
        LK_TRY(read_certs(intermediates, &hints));
    Latchkey__V1__Anchor anchor = LATCHKEY__V1__ANCHOR__INIT;
    anchor.schema = 1;
    anchor.name = (char *)(uintptr_t)name;
    anchor.family = (char *)(uintptr_t)family;
    anchor.certificate = root.der[0];
    anchor.intermediates = hints.der;
    anchor.n_intermediates = hints.n;
    lk_client_pack(out, &anchor);
    return lk_buf_ok(out);
}

static int put_object(struct lk_remote *r, lk_result made, enum lk_change_kind kind, const char *list,
                      const struct lk_buf *payload)
{
    if (lk_ok(made))
        made = lk_remote_open(r);
    if (!lk_ok(made))
        return lk_admin_fail(r->admin, made, "%s add %s", list, r->name);
    return lk_remote_put(r, kind, list, r->name, lk_buf_bytes(payload));
}

/* A mistyped family would be an anchor that nothing ever chains to. */
static int no_family(const char *family)
{
    char known[256] = "";
    size_t n, at = 0;
    const struct lk_family *const *families = lk_families(&n);
    for (size_t i = 0; i < n && at < sizeof(known); i++)
        at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i > 0 ? ", " : "", families[i]->name);
    return lk_cli_usage("anchor add: no family \"%s\"; there are %s", family, known);
}

static int anchor_add(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    const char *family = NULL, *certificate = NULL, *intermediates = NULL;
    const struct lk_remote_option extra[] = {
        {"family", &family, NULL, " FAMILY: of evidence, the only one that may chain to it"},
        {"certificate", &certificate, NULL, " FILE: the anchor, PEM or DER"},
        {"intermediates", &intermediates, NULL, " FILE: certificates that help to build paths, PEM or DER"},
    };
    int code;
    if (!lk_remote_args(&r, argc, argv, extra, 3,
                        "anchor add NAME --family FAMILY --certificate FILE [--intermediates FILE]", &code))
        return code;
    if (r.name == NULL || family == NULL || certificate == NULL)
        return lk_cli_usage("anchor add: a name, --family and --certificate are needed");
    if (lk_family_by_name(lk_bytes_str(family)) == NULL)
        return no_family(family);
    LK_BUF_AUTO payload = lk_buf(CERT_FILE_MAX);
    return put_object(&r, make_anchor(r.name, family, certificate, intermediates, &payload), LK_CHANGE_ANCHOR_SET,
                      "anchor", &payload);
}

static lk_result make_admin(const char *name, const char *file, struct lk_buf *out)
{
    LK_BUF_AUTO text = lk_buf(16u << 10);
    LK_BUF_AUTO key = lk_buf(16u << 10);
    LK_TRY(lk_cli_read_file(file, &text));
    if (!lk_ok(lk_ssh_public_line(lk_buf_bytes(&text), &key))) {
        fprintf(stderr, "latchkey: %s is no SSH public key: one line, as in a .pub file\n", file);
        return LK_FAIL(USAGE);
    }
    Latchkey__V1__AdminKey admin = LATCHKEY__V1__ADMIN_KEY__INIT;
    admin.schema = 1;
    admin.name = (char *)(uintptr_t)name;
    admin.ssh_key = lk_client_bin(lk_buf_bytes(&key));
    lk_client_pack(out, &admin);
    return lk_buf_ok(out);
}

static int admin_add(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    const char *key = NULL;
    const struct lk_remote_option extra[] = {{"ssh-key", &key, NULL, " FILE.pub: one line, as ssh-keygen writes it"}};
    int code;
    if (!lk_remote_args(&r, argc, argv, extra, 1, "admin add NAME --ssh-key FILE.pub", &code))
        return code;
    if (r.name == NULL || key == NULL)
        return lk_cli_usage("admin add: a name and --ssh-key are needed");
    LK_BUF_AUTO payload = lk_buf(32u << 10);
    return put_object(&r, make_admin(r.name, key, &payload), LK_CHANGE_ADMIN_SET, "admin", &payload);
}

static int list_kind(int argc, char **argv, const char *kind)
{
    LK_REMOTE_AUTO r = {0};
    char usage[64];
    int code;
    snprintf(usage, sizeof(usage), "%s list [PREFIX]", kind);
    if (!lk_remote_args(&r, argc, argv, NULL, 0, usage, &code))
        return code;
    return lk_remote_list(&r, kind, r.name);
}

static int delete_kind(int argc, char **argv, const char *kind, enum lk_change_kind change)
{
    LK_REMOTE_AUTO r = {0};
    char usage[64];
    int code;
    snprintf(usage, sizeof(usage), "%s delete NAME", kind);
    if (!lk_remote_args(&r, argc, argv, NULL, 0, usage, &code))
        return code;
    if (r.name == NULL)
        return lk_cli_usage("%s delete: a name is needed", kind);
    return lk_remote_delete(&r, change, kind, r.name);
}

static int anchor_list(int argc, char **argv) { return list_kind(argc, argv, "anchor"); }
static int anchor_delete(int argc, char **argv) { return delete_kind(argc, argv, "anchor", LK_CHANGE_ANCHOR_DELETE); }
static int admin_list(int argc, char **argv) { return list_kind(argc, argv, "admin"); }
static int admin_delete(int argc, char **argv) { return delete_kind(argc, argv, "admin", LK_CHANGE_ADMIN_DELETE); }

int lk_cmd_anchor(int argc, char **argv)
{
    static const struct lk_command verbs[] = {
        {"add", "NAME --family FAMILY --certificate FILE [--intermediates FILE]", anchor_add},
        {"list", "[PREFIX]", anchor_list},
        {"delete", "NAME", anchor_delete},
    };
    return lk_cli_dispatch("latchkey anchor", verbs, sizeof(verbs) / sizeof(*verbs), argc, argv);
}

int lk_cmd_admin(int argc, char **argv)
{
    static const struct lk_command verbs[] = {
        {"add", "NAME --ssh-key FILE.pub", admin_add},
        {"list", "[PREFIX]", admin_list},
        {"delete", "NAME", admin_delete},
    };
    return lk_cli_dispatch("latchkey admin", verbs, sizeof(verbs) / sizeof(*verbs), argc, argv);
}
