/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TSM_H
#define LK_COLLECTOR_TSM_H
/*
 * configfs-tsm (Linux 6.7 and later, Documentation/ABI/testing/configfs-tsm): a folder of our own below
 * ROOT/report, attributes written into it, blobs read from it, and `generation` to see that nobody wrote in between.
 *
 *     status = lk_tsm_open(&t, root, "tdx_guest", error);
 *     if (status == LK_DEVICE_OK)
 *         status = lk_tsm_report(&t, user_data, &outblob, NULL, NULL);
 *     lk_tsm_close(&t);
 */
#include <limits.h>

#include "broker/guest/collectors/device.h"
#include "proto/base/buffer.h"

#define LK_TSM_OUTBLOB_MAX (32u << 10) /* TSM_OUTBLOB_MAX */

struct lk_tsm {
    char folder[PATH_MAX];
    unsigned writes; /* ours: what `generation` must say at the end */
    struct lk_device_error *e;
};

/* root: "/sys/kernel/config/tsm". NONE when it is not there or its provider is another. */
enum lk_device_status lk_tsm_open(struct lk_tsm *t, const char *root, const char *provider, struct lk_device_error *e);

/* Gives the folder back. After lk_tsm_open, whatever it said. */
void lk_tsm_close(struct lk_tsm *t);

/* Writes an attribute in one write, as the interface asks; again while the kernel is busy. */
bool lk_tsm_write(struct lk_tsm *t, const char *name, struct lk_bytes value);

/* Reads an attribute that is a decimal number. */
bool lk_tsm_number(const struct lk_tsm *t, const char *name, unsigned long *out);

/*
 * Writes the 64 bytes of user data as inblob and reads outblob; auxblob and manifestblob too, unless NULL: the one stays
 * empty when the host gives none, the other must come. Tries again while the kernel says EBUSY, EINTR or ETIMEDOUT. BUSY: no answer in time, or another
 * program wrote to the folder.
 */
enum lk_device_status lk_tsm_report(struct lk_tsm *t, const uint8_t user_data[static 64], struct lk_buf *outblob,
                                    struct lk_buf *auxblob, struct lk_buf *manifestblob);

#endif
