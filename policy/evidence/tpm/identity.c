/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TPM certificates say of the TPM: TCG EK Credential Profile 2.6, section 3.2.9 (manufacturer, model, version
 * in the subject alternative name, in one multi-valued RDN or in three), and Google's instance extension.
 */
#include "policy/evidence/tpm/item.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define TEXT_MAX 128

/* NULL when it is not plain text: what an unusual encoding means is not guessed. */
static const char *plain_text(const ASN1_STRING *s, struct lk_arena *arena)
{
    const unsigned char *data = ASN1_STRING_get0_data(s);
    int len = ASN1_STRING_length(s);
    if (len <= 0 || len > TEXT_MAX)
        return NULL;
    for (int i = 0; i < len; i++)
        if (data[i] < 0x20 || data[i] > 0x7e)
            return NULL;
    return lk_arena_str(arena, data, (size_t)len);
}

static void read_attribute(const X509_NAME_ENTRY *e, struct lk_arena *arena, struct lk_tpm_identity *out)
{
    const struct {
        const char *oid;
        const char **text;
    } table[] = {{"2.23.133.2.1", &out->manufacturer}, {"2.23.133.2.2", &out->model}, {"2.23.133.2.3", &out->version}};
    char oid[32] = "";
    OBJ_obj2txt(oid, sizeof(oid), X509_NAME_ENTRY_get_object(e), 1);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(oid, table[i].oid) == 0 && *table[i].text == NULL)
            *table[i].text = plain_text(X509_NAME_ENTRY_get_data(e), arena);
}

static void read_alternative_name(const X509 *x, struct lk_arena *arena, struct lk_tpm_identity *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        if (n->type != GEN_DIRNAME)
            continue;
        for (int a = 0; a < X509_NAME_entry_count(n->d.directoryName); a++)
            read_attribute(X509_NAME_get_entry(n->d.directoryName, a), arena, out);
    }
    GENERAL_NAMES_free(names);
}

/* SEQUENCE { zone, projectNumber, projectId, instanceId, instanceName, [0] EXPLICIT security OPTIONAL } */
typedef struct {
    ASN1_INTEGER *version;
    ASN1_TYPE *production, *two, *three, *four, *five;
} gce_security;

typedef struct {
    ASN1_UTF8STRING *zone;
    ASN1_INTEGER *project_number;
    ASN1_UTF8STRING *project;
    ASN1_INTEGER *instance_id;
    ASN1_UTF8STRING *instance_name;
    gce_security *security;
} gce_instance;

ASN1_SEQUENCE(gce_security) = {
    ASN1_EXP_OPT(gce_security, version, ASN1_INTEGER, 0), ASN1_EXP_OPT(gce_security, production, ASN1_ANY, 1),
    ASN1_EXP_OPT(gce_security, two, ASN1_ANY, 2),         ASN1_EXP_OPT(gce_security, three, ASN1_ANY, 3),
    ASN1_EXP_OPT(gce_security, four, ASN1_ANY, 4),        ASN1_EXP_OPT(gce_security, five, ASN1_ANY, 5),
} static_ASN1_SEQUENCE_END(gce_security)

ASN1_SEQUENCE(gce_instance) = {
    ASN1_SIMPLE(gce_instance, zone, ASN1_UTF8STRING),       ASN1_SIMPLE(gce_instance, project_number, ASN1_INTEGER),
    ASN1_SIMPLE(gce_instance, project, ASN1_UTF8STRING),    ASN1_SIMPLE(gce_instance, instance_id, ASN1_INTEGER),
    ASN1_SIMPLE(gce_instance, instance_name, ASN1_UTF8STRING), ASN1_EXP_OPT(gce_instance, security, gce_security, 0),
} static_ASN1_SEQUENCE_END(gce_instance)

static bool is_true(const ASN1_TYPE *t)
{
    return t != NULL && t->type == V_ASN1_BOOLEAN && t->value.boolean != 0;
}

static void copy_instance(const gce_instance *g, struct lk_arena *arena, struct lk_tpm_gce *out)
{
    out->zone = plain_text(g->zone, arena);
    out->project = plain_text(g->project, arena);
    out->instance_name = plain_text(g->instance_name, arena);
    out->present = ASN1_INTEGER_get_uint64(&out->project_number, g->project_number) == 1 &&
                   ASN1_INTEGER_get_uint64(&out->instance_id, g->instance_id) == 1;
    const ASN1_INTEGER *version = g->security == NULL ? NULL : g->security->version;
    out->has_security_version = version != NULL && ASN1_INTEGER_get_uint64(&out->security_version, version) == 1;
    out->production = g->security != NULL && is_true(g->security->production);
}

static const ASN1_OCTET_STRING *gce_extension(const X509 *x)
{
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        char oid[48] = "";
        X509_EXTENSION *e = X509_get_ext(x, i);
        OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(e), 1);
        if (strcmp(oid, "1.3.6.1.4.1.11129.2.1.21") == 0)
            return X509_EXTENSION_get_data(e);
    }
    return NULL;
}

static void read_gce(const X509 *x, struct lk_arena *arena, struct lk_tpm_gce *out)
{
    const ASN1_OCTET_STRING *value = gce_extension(x);
    if (value == NULL)
        return;
    const unsigned char *p = ASN1_STRING_get0_data(value), *end = p + ASN1_STRING_length(value);
    gce_instance *g = (gce_instance *)ASN1_item_d2i(NULL, &p, ASN1_STRING_length(value), ASN1_ITEM_rptr(gce_instance));
    if (g != NULL && p == end)
        copy_instance(g, arena, out);
    ASN1_item_free((ASN1_VALUE *)g, ASN1_ITEM_rptr(gce_instance));
}

lk_result lk_tpm_read_identity(const struct lk_cert *cert, struct lk_arena *arena, struct lk_tpm_identity *out)
{
    *out = (struct lk_tpm_identity){0};
    read_alternative_name(cert->x509, arena, out);
    read_gce(cert->x509, arena, &out->gce);
    ERR_clear_error();
    return LK_OK;
}
