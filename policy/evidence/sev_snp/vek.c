/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/vek.h"

#include "proto/base/cursor.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define ITEM "sev-snp"
#define EXTENSIONS_MAX 32

/* Content octets of 1.3.6.1.4.1.3704.1. */
static const uint8_t amd_arc[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
enum { ARC_STRUCT_VERSION = 1, ARC_PRODUCT_NAME = 2, ARC_SPL = 3, ARC_HWID = 4, ARC_CSP_ID = 5 };
enum { TAG_INTEGER = 0x02, TAG_OCTET_STRING = 0x04, TAG_IA5STRING = 0x16 };

static lk_result fail(struct lk_report *report, enum lk_reason_code code, unsigned arc, unsigned sub)
{
    char text[48];
    if (sub != 0)
        snprintf(text, sizeof(text), "1.3.6.1.4.1.3704.1.%u.%u", arc, sub);
    else
        snprintf(text, sizeof(text), "1.3.6.1.4.1.3704.1.%u", arc);
    return lk_report_add(report, code, ITEM, text, "", "");
}

/* A DER INTEGER from 0 to 255 in its shortest form: 02 01 xx below 0x80, else 02 02 00 xx. */
static bool read_integer(struct lk_bytes in, uint8_t *out)
{
    struct lk_cursor c = lk_cursor(in);
    bool integer = lk_u8(&c) == TAG_INTEGER;
    uint8_t len = lk_u8(&c);
    bool wide = len == 2;
    if (wide && lk_u8(&c) != 0)
        return false;
    *out = lk_u8(&c);
    return lk_ok(lk_cursor_end(&c)) && integer && (len == 1 || wide) && wide == (*out >= 0x80);
}

static bool read_ia5(struct lk_bytes in, size_t max, struct lk_bytes *out)
{
    struct lk_cursor c = lk_cursor(in);
    bool ia5 = lk_u8(&c) == TAG_IA5STRING;
    uint8_t len = lk_u8(&c);
    *out = lk_take(&c, len);
    if (!lk_ok(lk_cursor_end(&c)) || !ia5 || len == 0 || len >= 0x80 || len > max)
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] < 0x20 || out->data[i] > 0x7e)
            return false;
    return true;
}

/* Raw bytes, or an OCTET STRING of them; only the length tells, for raw bytes may begin with 04. */
static bool read_hwid(struct lk_bytes in, struct lk_bytes *out)
{
    *out = in;
    if (in.len == 64 || in.len == 8)
        return true;
    struct lk_cursor c = lk_cursor(in);
    bool octets = lk_u8(&c) == TAG_OCTET_STRING;
    uint8_t len = lk_u8(&c);
    *out = lk_take(&c, len);
    return lk_ok(lk_cursor_end(&c)) && octets && (len == 64 || len == 8);
}

static lk_result read_spl(struct lk_bytes value, unsigned sub, struct lk_report *report, struct lk_snp_vek *out)
{
    if (sub == 0 || sub >= LK_SNP_SPLS)
        return fail(report, LK_R_SNP_VEK_EXTENSION_EXTRA, ARC_SPL, sub);
    out->has_spl[sub] = true;
    return read_integer(value, &out->spl[sub]) ? LK_OK : fail(report, LK_R_SNP_VEK_ENCODING, ARC_SPL, sub);
}

/* arcs: what follows amd_arc in the OID. */
static lk_result read_amd(struct lk_bytes arcs, struct lk_bytes value, struct lk_report *report, struct lk_snp_vek *out)
{
    unsigned arc = arcs.len > 0 ? arcs.data[0] : 0;
    if (arc == ARC_SPL && arcs.len == 2)
        return read_spl(value, arcs.data[1], report, out);
    bool ok = false;
    if (arcs.len != 1 || arc < ARC_STRUCT_VERSION || arc == ARC_SPL || arc > ARC_CSP_ID)
        return fail(report, LK_R_SNP_VEK_EXTENSION_EXTRA, arc, 0);
    if (arc == ARC_STRUCT_VERSION)
        ok = out->has_struct_version = read_integer(value, &out->struct_version);
    else if (arc == ARC_PRODUCT_NAME)
        ok = read_ia5(value, LK_SNP_CSP_MAX, &out->product_name);
    else if (arc == ARC_HWID)
        ok = read_hwid(value, &out->hwid);
    else
        ok = read_ia5(value, LK_SNP_CSP_MAX, &out->csp_id);
    return ok ? LK_OK : fail(report, LK_R_SNP_VEK_ENCODING, arc, 0);
}

static struct lk_bytes oid_of(X509_EXTENSION *e)
{
    const ASN1_OBJECT *o = X509_EXTENSION_get_object(e);
    return lk_bytes(OBJ_get0_data(o), OBJ_length(o));
}

static bool seen_before(const X509 *x, int at, struct lk_bytes oid)
{
    for (int i = 0; i < at; i++)
        if (lk_bytes_eq(oid_of(X509_get_ext(x, i)), oid))
            return true;
    return false;
}

lk_result lk_snp_vek_read(const struct lk_cert *cert, struct lk_report *report, struct lk_snp_vek *out)
{
    const X509 *x = cert->x509;
    *out = (struct lk_snp_vek){0};
    if (X509_get_ext_count(x) > EXTENSIONS_MAX)
        return lk_report_add(report, LK_R_SNP_VEK_EXTENSION_EXTRA, ITEM, "extensions", "", "");
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        X509_EXTENSION *e = X509_get_ext(x, i);
        struct lk_bytes oid = oid_of(e);
        if (seen_before(x, i, oid))
            return lk_report_add_hex(report, LK_R_SNP_VEK_DUPLICATE, ITEM, "extension", LK_BYTES_NONE, oid);
        bool amd = oid.len > sizeof(amd_arc) && memcmp(oid.data, amd_arc, sizeof(amd_arc)) == 0;
        if (!amd && X509_EXTENSION_get_critical(e))
            return lk_report_add_hex(report, LK_R_SNP_VEK_CRITICAL, ITEM, "extension", LK_BYTES_NONE, oid);
        if (!amd)
            continue;
        const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(e);
        struct lk_bytes value = lk_bytes(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));
        LK_TRY(read_amd(lk_bytes(oid.data + sizeof(amd_arc), oid.len - sizeof(amd_arc)), value, report, out));
    }
    return LK_OK;
}

/* Every byte of the TCB has its extension, within its range; any other SPL belongs to another product. */
static lk_result check_spls(const struct lk_snp_vek *vek, const struct lk_snp_product *p, struct lk_report *report)
{
    bool wanted[LK_SNP_SPLS] = {false};
    for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++) {
        unsigned oid = p->tcb[i].oid;
        wanted[oid] = true;
        if (!vek->has_spl[oid])
            return fail(report, LK_R_SNP_VEK_EXTENSION_MISSING, ARC_SPL, oid);
        if (vek->spl[oid] > p->tcb[i].max)
            return fail(report, LK_R_SNP_VEK_ENCODING, ARC_SPL, oid);
    }
    for (unsigned oid = 1; oid < LK_SNP_SPLS; oid++)
        if (vek->has_spl[oid] && !wanted[oid])
            return fail(report, LK_R_SNP_VEK_EXTENSION_EXTRA, ARC_SPL, oid);
    return LK_OK;
}

lk_result lk_snp_vek_check(const struct lk_snp_vek *vek, enum lk_snp_kind kind, const struct lk_snp_product *p,
                           struct lk_report *report)
{
    bool vcek = kind == LK_SNP_VCEK;
    if (!vek->has_struct_version)
        return fail(report, LK_R_SNP_VEK_EXTENSION_MISSING, ARC_STRUCT_VERSION, 0);
    if (vek->struct_version != p->struct_version)
        return lk_report_add_uint(report, LK_R_SNP_VEK_STRUCT, ITEM, "structVersion", p->struct_version,
                                  vek->struct_version);
    if ((vcek ? vek->hwid : vek->csp_id).data == NULL)
        return fail(report, LK_R_SNP_VEK_EXTENSION_MISSING, vcek ? ARC_HWID : ARC_CSP_ID, 0);
    if ((vcek ? vek->csp_id : vek->hwid).data != NULL)
        return fail(report, LK_R_SNP_VEK_EXTENSION_EXTRA, vcek ? ARC_CSP_ID : ARC_HWID, 0);
    if (vcek && vek->hwid.len != p->hwid_len)
        return fail(report, LK_R_SNP_VEK_ENCODING, ARC_HWID, 0);
    return check_spls(vek, p, report);
}
