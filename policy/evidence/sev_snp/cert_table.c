/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/cert_table.h"

#include "proto/base/cursor.h"

#include <string.h>

#define ITEM "sev-snp"
#define GUID 16
#define ENTRY 24

static const uint8_t guids[LK_SNP_ENTRIES][GUID] = {
    /* 63da758d-e664-4564-adc5-f4b93be8accd */
    [LK_SNP_ENTRY_VCEK] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd},
    /* a8074bc2-a25a-483e-aae6-39c045a0b8a1 */
    [LK_SNP_ENTRY_VLEK] = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1},
    /* 4ab7b379-bbac-4fe4-a02f-05aef327c782, also for the ASVK */
    [LK_SNP_ENTRY_ASK] = {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82},
    /* c0b406a4-a803-4952-9743-3fb6014cd0ae */
    [LK_SNP_ENTRY_ARK] = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae},
    /* 92f81bc3-5811-4d3d-97ff-d19f88dc67ea */
    [LK_SNP_ENTRY_CRL] = {0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea},
};

struct entry {
    struct lk_bytes guid;
    uint32_t offset, length;
};

const uint8_t *lk_snp_entry_guid(enum lk_snp_entry entry)
{
    return guids[entry];
}

static lk_result fail(struct lk_report *report, enum lk_reason_code code)
{
    return lk_report_add(report, code, ITEM, "certs", "", "");
}

static lk_result read_entries(struct lk_bytes in, struct lk_report *report, struct entry *e, size_t *n)
{
    struct lk_cursor c = lk_cursor(in);
    for (*n = 0;; (*n)++) {
        struct entry next = {lk_take(&c, GUID), lk_u32le(&c), lk_u32le(&c)};
        if (!lk_ok(lk_cursor_ok(&c)))
            return fail(report, LK_R_SNP_TABLE_END);
        if (lk_bytes_zero(next.guid) && next.offset == 0 && next.length == 0)
            return LK_OK;
        if (*n == LK_SNP_TABLE_ENTRIES_MAX)
            return fail(report, LK_R_SNP_TABLE_LENGTH);
        e[*n] = next;
    }
}

/* Each blob lies behind the header and inside the buffer; sums in 64 bits, so that none wraps. */
static bool placed(const struct entry *e, size_t header, size_t size)
{
    return e->length > 0 && e->offset >= header && (uint64_t)e->offset + e->length <= size;
}

static bool overlap(const struct entry *a, const struct entry *b)
{
    return (uint64_t)a->offset < (uint64_t)b->offset + b->length && (uint64_t)b->offset < (uint64_t)a->offset + a->length;
}

static lk_result check_entries(const struct entry *e, size_t n, size_t size, struct lk_report *report)
{
    for (size_t i = 0; i < n; i++) {
        if (!placed(&e[i], (n + 1) * ENTRY, size))
            return fail(report, LK_R_SNP_TABLE_ENTRY);
        for (size_t j = 0; j < i; j++) {
            if (lk_bytes_eq(e[i].guid, e[j].guid))
                return fail(report, LK_R_SNP_TABLE_DUPLICATE);
            if (overlap(&e[i], &e[j]))
                return fail(report, LK_R_SNP_TABLE_OVERLAP);
        }
    }
    return LK_OK;
}

lk_result lk_snp_cert_table_read(struct lk_bytes in, struct lk_report *report,
                                 struct lk_bytes out[static LK_SNP_ENTRIES])
{
    struct entry e[LK_SNP_TABLE_ENTRIES_MAX];
    size_t n;
    LK_TRY(read_entries(in, report, e, &n));
    LK_TRY(check_entries(e, n, in.len, report));
    for (int k = 0; k < LK_SNP_ENTRIES; k++)
        for (size_t i = 0; i < n; i++)
            if (memcmp(e[i].guid.data, guids[k], GUID) == 0)
                out[k] = lk_bytes(in.data + e[i].offset, e[i].length);
    return LK_OK;
}
