/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_DEVICE_H
#define LK_COLLECTOR_DEVICE_H
/* How asking a device of the kernel went; for all collectors that do. */

enum lk_device_status {
    LK_DEVICE_OK,
    LK_DEVICE_NONE, /* not there, or another kind of machine's */
    LK_DEVICE_FAILED,
    LK_DEVICE_BUSY, /* worth trying again */
};

/* What went wrong, with the system's error. */
struct lk_device_error {
    char text[256];
};

/* Writes "TEXT: system's error" (errno, when it is not 0) and returns the status. */
enum lk_device_status lk_device_error_set(struct lk_device_error *e, enum lk_device_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
