/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/svsm_vtpm/manifest.h"

#include "proto/base/cursor.h"

#define HEAD 24
#define ENTRY 24

static const uint8_t services_guid[16] = {0xbb, 0x9e, 0x84, 0x63, 0x92, 0x3d, 0x70, 0x46,
                                          0xa1, 0xff, 0x58, 0xf9, 0xc9, 0x4b, 0x87, 0xbb};
static const uint8_t vtpm_guid[16] = {0xeb, 0xf1, 0x76, 0xc4, 0x23, 0x01, 0xa5, 0x45,
                                      0x96, 0x41, 0xb4, 0xe7, 0xdd, 0xe5, 0xbf, 0xe3};

/* The blobs stand in the entries' order, one behind the other, and fill the manifest. */
static lk_result read_entry(struct lk_cursor *c, struct lk_bytes whole, size_t *at, struct lk_svsm_manifest *out)
{
    struct lk_bytes guid = lk_take(c, sizeof(vtpm_guid));
    uint32_t offset = lk_u32le(c), len = lk_u32le(c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(c)), SVSM_MANIFEST);
    LK_REQUIRE(offset == *at && len <= whole.len - *at, SVSM_MANIFEST);
    *at += len;
    if (!lk_bytes_eq(guid, LK_BYTES(vtpm_guid)))
        return LK_OK;
    LK_REQUIRE(out->vtpm.data == NULL, SVSM_NO_VTPM);
    out->vtpm = lk_bytes(whole.data + offset, len);
    return LK_OK;
}

static lk_result read_services(struct lk_bytes in, struct lk_cursor *c, struct lk_svsm_manifest *out)
{
    uint32_t len = lk_u32le(c), count = lk_u32le(c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(c)) && len == in.len && count <= LK_SVSM_SERVICES_MAX, SVSM_MANIFEST);
    size_t at = HEAD + (size_t)count * ENTRY;
    LK_REQUIRE(at <= in.len, SVSM_MANIFEST);
    for (uint32_t i = 0; i < count; i++)
        LK_TRY(read_entry(c, in, &at, out));
    LK_REQUIRE(at == in.len, SVSM_MANIFEST);
    return out->vtpm.data != NULL ? LK_OK : LK_FAIL(SVSM_NO_VTPM);
}

lk_result lk_svsm_manifest_read(struct lk_bytes in, struct lk_svsm_manifest *out)
{
    struct lk_cursor c = lk_cursor(in);
    struct lk_bytes head = lk_take(&c, sizeof(services_guid));
    *out = (struct lk_svsm_manifest){.all_services = lk_bytes_eq(head, LK_BYTES(services_guid))};
    if (out->all_services)
        return read_services(in, &c, out);
    out->vtpm = in;
    return LK_OK;
}
