/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_LUKS_HEADER_H
#define LK_FETCH_LUKS_HEADER_H
/*
 * A LUKS2 header, read before a key is used on it (LUKS2 On-Disk Format Specification 1.1.4, chapters 2 and 3). Who
 * owns the disk writes the header: a guest must not let it choose how the data is encrypted. With cipher_null in a
 * key slot any key opens a volume whose volume key the attacker knows (CVE-2025-58356, CVE-2025-59054); with
 * cipher_null in a segment the guest writes plain text.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_LUKS_AREA_MAX (32u << 20)     /* both headers and all key slots; cryptsetup makes 16 MiB */
#define LK_LUKS_SECONDARY_MAX (4u << 20) /* the last offset at which a secondary header may be (2.1) */

struct lk_luks_header {
    char uuid[41];
    char flaw[96];        /* what was found, for a person; "" when it is good */
    size_t header_len;    /* of one header with its JSON */
    size_t area_len;      /* both headers and the key slots: where data may begin */
    unsigned keyslots;
};

/*
 * Judges the header in `area`, the beginning of the device, which is changed: the primary header if its checksum is right,
 * else the secondary one, becomes the only one in it; so whoever opens this copy sees what was judged here.
 *
 * LUKS_HEADER  no header with a right checksum, JSON with unknown or missing members, sizes and places that do not fit
 * LUKS_CIPHER  another cipher than aes-xts-plain64 (key of 32 or 64 bytes) in a segment or key slot, integrity or
 *              reencryption, more than one segment
 */
LK_MUST_USE lk_result lk_luks_check(uint8_t *area, size_t len, struct lk_luks_header *out);

/*
 * For a device whose header somebody else reads where it lies, and chooses for himself: cryptsetup takes the one of the two
 * with the higher sequence number, whatever its hash, and other places where it likes neither. So both must be whole and
 * good, of one UUID, and nothing like a third may be there. As above; the area is as before afterwards.
 */
LK_MUST_USE lk_result lk_luks_check_in_place(uint8_t *area, size_t len, struct lk_luks_header *out);

#endif
