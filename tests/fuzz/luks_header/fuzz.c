/* SPDX-License-Identifier: Apache-2.0 */
/* A header's JSON under a right checksum, in the first or (first bit of the first byte) the second header. */
#include <stdlib.h>
#include <string.h>

#include "broker/guest/fetch/luks_header.h"
#include "proto/seal/hash.h"

#define HEADER 0x4000u
#define AREA (2 * HEADER + 0x50000u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size - 1 > HEADER - 4096)
        return 0;
    uint8_t *area = calloc(1, AREA);
    if (area == NULL)
        abort();
    size_t at = (data[0] & 1) != 0 ? HEADER : 0;
    uint8_t *h = area + at;
    memcpy(h, at == 0 ? "LUKS\xba\xbe\0\2" : "SKUL\xba\xbe\0\2", 8);
    h[8 + 6] = HEADER >> 8;
    memcpy(h + 72, "sha256", 6);
    memcpy(h + 4096, data + 1, size - 1);
    struct lk_bytes all = lk_bytes(h, HEADER);
    struct lk_luks_header out;
    if (!lk_ok(lk_sha256(&all, 1, h + 448)))
        abort();
    lk_result r = lk_luks_check(area, AREA, &out);
    if (lk_ok(r) != (out.flaw[0] == '\0') || (lk_ok(r) && (out.area_len > AREA || memcmp(area, "LUKS", 4) != 0)))
        abort();
    free(area);
    return 0;
}
