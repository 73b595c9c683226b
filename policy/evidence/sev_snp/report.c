/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/report.h"

#include "proto/base/cursor.h"

#include <stdio.h>
#include <string.h>

#define ITEM "sev-snp"
#define GAPS_MAX 8
#define R_FIELD 72 /* bytes of R and of S in the report */
#define R_BYTES 48 /* bytes of a P-384 scalar */

/* Runs that must be zero, met while reading. */
struct gaps {
    struct {
        size_t offset;
        struct lk_bytes bytes;
        enum lk_reason_code code;
    } g[GAPS_MAX];
    size_t n;
};

struct raw {
    uint32_t signature_algo, key_info;
    struct lk_bytes cpuid, r, s, tail;
    struct gaps gaps;
};

static void gap(struct lk_cursor *c, struct gaps *gaps, size_t n, enum lk_reason_code code)
{
    size_t offset = c->pos, i = gaps->n++;
    gaps->g[i].offset = offset;
    gaps->g[i].bytes = lk_take(c, n);
    gaps->g[i].code = code;
}

/* BUILD, MINOR, MAJOR, one reserved byte. */
static uint32_t firmware(struct lk_cursor *c, struct gaps *gaps)
{
    uint32_t build = lk_u8(c), minor = lk_u8(c), major = lk_u8(c);
    gap(c, gaps, 1, LK_R_SNP_RESERVED);
    return major << 16 | minor << 8 | build;
}

/* The layout, in the order of the table; offsets in hex at the left of each line's field. */
static lk_result read_fields(struct lk_bytes in, struct lk_snp_report *r, struct raw *raw)
{
    struct lk_cursor c = lk_cursor(in);
    r->version = lk_u32le(&c);                              /* 000 VERSION */
    r->guest_svn = lk_u32le(&c);                            /* 004 GUEST_SVN */
    r->policy = lk_u64le(&c);                               /* 008 POLICY */
    r->family_id = lk_take(&c, 16);                         /* 010 FAMILY_ID */
    r->image_id = lk_take(&c, 16);                          /* 020 IMAGE_ID */
    r->vmpl = lk_u32le(&c);                                 /* 030 VMPL */
    raw->signature_algo = lk_u32le(&c);                     /* 034 SIGNATURE_ALGO */
    r->current_tcb = lk_take(&c, 8);                        /* 038 CURRENT_TCB */
    r->platform_info = lk_u64le(&c);                        /* 040 PLATFORM_INFO */
    raw->key_info = lk_u32le(&c);                           /* 048 KEY_INFO */
    gap(&c, &raw->gaps, 4, LK_R_SNP_RESERVED);              /* 04c */
    r->report_data = lk_take(&c, 64);                       /* 050 REPORT_DATA */
    r->measurement = lk_take(&c, 48);                       /* 090 MEASUREMENT */
    r->host_data = lk_take(&c, 32);                         /* 0c0 HOST_DATA */
    r->id_key_digest = lk_take(&c, 48);                     /* 0e0 ID_KEY_DIGEST */
    r->author_key_digest = lk_take(&c, 48);                 /* 110 AUTHOR_KEY_DIGEST */
    r->report_id = lk_take(&c, 32);                         /* 140 REPORT_ID */
    r->report_id_ma = lk_take(&c, 32);                      /* 160 REPORT_ID_MA */
    r->reported_tcb = lk_take(&c, 8);                       /* 180 REPORTED_TCB */
    raw->cpuid = lk_take(&c, 3);                            /* 188 CPUID_FAM_ID, 189 _MOD_ID, 18a _STEP */
    gap(&c, &raw->gaps, 21, LK_R_SNP_RESERVED);             /* 18b */
    r->chip_id = lk_take(&c, 64);                           /* 1a0 CHIP_ID */
    r->committed_tcb = lk_take(&c, 8);                      /* 1e0 COMMITTED_TCB */
    r->current_firmware = firmware(&c, &raw->gaps);         /* 1e8 CURRENT_BUILD, _MINOR, _MAJOR */
    r->committed_firmware = firmware(&c, &raw->gaps);       /* 1ec COMMITTED_BUILD, _MINOR, _MAJOR */
    r->launch_tcb = lk_take(&c, 8);                         /* 1f0 LAUNCH_TCB */
    r->launch_mitigations = lk_u64le(&c);                   /* 1f8 LAUNCH_MIT_VECTOR */
    r->current_mitigations = lk_u64le(&c);                  /* 200 CURRENT_MIT_VECTOR */
    gap(&c, &raw->gaps, 152, LK_R_SNP_RESERVED);            /* 208 */
    raw->r = lk_take(&c, R_FIELD);                          /* 2a0 SIGNATURE.R */
    raw->s = lk_take(&c, R_FIELD);                          /* 2e8 SIGNATURE.S */
    gap(&c, &raw->gaps, 368, LK_R_SNP_SIGNATURE_TAIL);      /* 330, not covered by the signature */
    r->signed_part = lk_bytes(in.data, LK_SNP_SIGNED_SIZE);
    return lk_cursor_end(&c);
}

static lk_result fail_hex(struct lk_report *report, enum lk_reason_code code, const char *field, uint64_t actual)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%llx", (unsigned long long)actual);
    return lk_report_add(report, code, ITEM, field, "", text);
}

static lk_result check_gaps(const struct gaps *gaps, struct lk_report *report)
{
    for (size_t i = 0; i < gaps->n; i++) {
        if (lk_bytes_zero(gaps->g[i].bytes))
            continue;
        char where[32];
        snprintf(where, sizeof(where), "report offset 0x%03zx", gaps->g[i].offset);
        return lk_report_add(report, gaps->g[i].code, ITEM, where, "0", "");
    }
    return LK_OK;
}

static lk_result check_key_info(struct lk_snp_report *r, uint32_t key_info, struct lk_report *report)
{
    enum { VCEK = 0, VLEK = 1, NONE = 7 };
    r->author_key_en = (key_info & 1) != 0;
    r->mask_chip_key = (key_info & 2) != 0;
    if (key_info >> 5 != 0)
        return fail_hex(report, LK_R_SNP_KEY_INFO_RESERVED, "KEY_INFO", key_info);
    uint32_t key = key_info >> 2 & 7;
    if (key == NONE)
        return fail_hex(report, LK_R_SNP_UNSIGNED, "SIGNING_KEY", key);
    if (key != VCEK && key != VLEK)
        return fail_hex(report, LK_R_SNP_SIGNING_KEY_RESERVED, "SIGNING_KEY", key);
    r->signing_key = key == VLEK ? LK_SNP_VLEK : LK_SNP_VCEK;
    return LK_OK;
}

static lk_result check_values(struct lk_snp_report *r, const struct raw *raw, struct lk_report *report)
{
    if (r->version < 2 || r->version > 5)
        return fail_hex(report, LK_R_SNP_VERSION, "VERSION", r->version);
    if (raw->signature_algo != 1)
        return fail_hex(report, LK_R_SNP_SIGNATURE_ALGO, "SIGNATURE_ALGO", raw->signature_algo);
    if ((r->policy >> LK_SNP_POLICY_ONE & 1) == 0 || r->policy >> LK_SNP_POLICY_BITS != 0)
        return fail_hex(report, LK_R_SNP_POLICY_RESERVED, "POLICY", r->policy);
    LK_TRY(check_key_info(r, raw->key_info, report));
    if (r->vmpl > 3 && r->vmpl != LK_SNP_VMPL_HOST)
        return fail_hex(report, LK_R_SNP_VMPL_RESERVED, "VMPL", r->vmpl);
    if (r->version < 5 && (r->launch_mitigations | r->current_mitigations) != 0)
        return fail_hex(report, LK_R_SNP_MITIGATION_RESERVED, "MIT_VECTOR", r->launch_mitigations);
    return check_gaps(&raw->gaps, report);
}

/* Version 2 has no CPUID fields: what stands there is reserved. */
static lk_result check_cpuid(struct lk_snp_report *r, struct lk_bytes cpuid, struct lk_report *report)
{
    if (r->version < 3) {
        if (!lk_bytes_zero(cpuid))
            return lk_report_add(report, LK_R_SNP_CPUID_RESERVED, ITEM, "report offset 0x188", "0", "");
        return LK_OK;
    }
    r->cpu_family = cpuid.data[0];
    r->cpu_model = cpuid.data[1];
    r->cpu_stepping = cpuid.data[2];
    r->product = lk_snp_product_by_cpuid(r->cpu_family, r->cpu_model);
    if (r->product == NULL)
        return fail_hex(report, LK_R_SNP_PRODUCT_UNKNOWN, "CPUID family, model",
                        (uint64_t)r->cpu_family << 8 | r->cpu_model);
    return lk_snp_report_check_product(r, r->product, report);
}

lk_result lk_snp_report_check_product(const struct lk_snp_report *r, const struct lk_snp_product *p,
                                      struct lk_report *report)
{
    const struct {
        const char *name;
        struct lk_bytes tcb;
    } tcbs[] = {
        {"CURRENT_TCB", r->current_tcb},
        {"REPORTED_TCB", r->reported_tcb},
        {"COMMITTED_TCB", r->committed_tcb},
        {"LAUNCH_TCB", r->launch_tcb},
    };
    for (size_t t = 0; t < sizeof(tcbs) / sizeof(*tcbs); t++)
        for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++)
            if (p->tcb[i].name == NULL && tcbs[t].tcb.data[i] != 0)
                return lk_report_add_hex(report, LK_R_SNP_TCB_RESERVED, ITEM, tcbs[t].name, LK_BYTES_NONE, tcbs[t].tcb);
    if (!lk_bytes_zero(lk_bytes(r->chip_id.data + p->hwid_len, r->chip_id.len - p->hwid_len)))
        return lk_report_add_hex(report, LK_R_SNP_CHIP_ID_TAIL, ITEM, "CHIP_ID", LK_BYTES_NONE, r->chip_id);
    return LK_OK;
}

/* The order of P-384, big-endian (FIPS 186-4, D.1.2.4). */
static const uint8_t p384_order[R_BYTES] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

/* A little-endian scalar of the report, turned round; all 72 bytes count. */
static lk_result read_scalar(struct lk_bytes field, const char *name, uint8_t out[static R_BYTES],
                             struct lk_report *report)
{
    if (!lk_bytes_zero(lk_bytes(field.data + R_BYTES, field.len - R_BYTES)))
        return lk_report_add(report, LK_R_SNP_SIGNATURE_FORM, ITEM, name, "48 bytes", "");
    for (size_t i = 0; i < R_BYTES; i++)
        out[i] = field.data[R_BYTES - 1 - i];
    if (lk_bytes_zero(lk_bytes(out, R_BYTES)) || memcmp(out, p384_order, R_BYTES) >= 0)
        return lk_report_add(report, LK_R_SNP_SIGNATURE_RANGE, ITEM, name, "1 to n - 1", "");
    return LK_OK;
}

lk_result lk_snp_report_read(struct lk_bytes in, struct lk_report *report, struct lk_snp_report *out)
{
    struct raw raw = {0};
    *out = (struct lk_snp_report){0};
    if (in.len != LK_SNP_REPORT_SIZE)
        return lk_report_add_uint(report, LK_R_SNP_SIZE, ITEM, "report", LK_SNP_REPORT_SIZE, in.len);
    LK_TRY(read_fields(in, out, &raw));
    LK_TRY(check_values(out, &raw, report));
    LK_TRY(check_cpuid(out, raw.cpuid, report));
    LK_TRY(read_scalar(raw.r, "SIGNATURE.R", out->signature, report));
    return read_scalar(raw.s, "SIGNATURE.S", out->signature + R_BYTES, report);
}
