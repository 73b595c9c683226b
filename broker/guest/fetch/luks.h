/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_LUKS_H
#define LK_FETCH_LUKS_H
/*
 * LUKS2 volumes, by cryptsetup(8), which gets keys over its standard input. Headers are never used where they lie: the
 * host may change a disk between a look and the use. They are copied into memory, judged there (luks_header.h),
 * and cryptsetup works with the copy (--header).
 */
#include "broker/guest/fetch/target.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

/*
 * Opens target->path as /dev/mapper/NAME; OK too when that is there already. LUKS_HEADER and LUKS_CIPHER with what was
 * found on standard error, LUKS_UUID, LUKS_OPEN (cryptsetup says why), OUTPUT (device, or no memory file system).
 */
LK_MUST_USE lk_result lk_luks_open(const struct lk_target *target, struct lk_bytes key);

/*
 * Judges both headers of target->path where they lie. Weaker than lk_luks_open: whoever can write the device between this
 * look and the use is not caught. LUKS_HEADER, LUKS_CIPHER, LUKS_UUID, OUTPUT.
 */
LK_MUST_USE lk_result lk_luks_inspect(const struct lk_target *target);

struct lk_luks_enrol {
    const char *device;
    const char *existing_key; /* file with a key that opens it now; NULL: none */
    bool format;              /* a device that holds nothing may be formatted */
};

/*
 * Makes the key open the device, and sees that it does. Running it again after any end mends what is half done:
 *
 *   the key opens it already   nothing to do
 *   a LUKS2 header             a key slot is added with the existing key, on the copy in memory, which is then
 *                              written back: key slots, second header, first header
 *   nothing but zeros in the first LK_LUKS_AREA_MAX bytes, or a header without any key slot: with `format` it is formatted
 *   anything else              LUKS_NOT_BLANK
 *
 * LUKS_KEY: an existing key is needed, or does not open it. Otherwise as lk_luks_open.
 */
LK_MUST_USE lk_result lk_luks_enrol(const struct lk_luks_enrol *e, struct lk_bytes key);

#endif
