/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_KEEP_H
#define LK_COLLATERAL_KEEP_H
/* Files that are there whole or not at all. */
#include "proto/base/buffer.h"
#include "proto/base/result.h"

/* Opens the folder, making it when it is not there (its parents must be). The caller closes it. FILE, with errno. */
LK_MUST_USE lk_result lk_keep_folder(const char *path, int *fd);

/*
 * Puts the bytes under this name in the folder: written aside, on the disk, then renamed. *changed is false when they were there
 * already. IO, with errno; the old file is then still there.
 */
LK_MUST_USE lk_result lk_keep(int folder, const char *file, struct lk_bytes bytes, bool *changed);

/* Appends a regular file of the folder. FILE, TOO_LARGE. */
LK_MUST_USE lk_result lk_keep_read(int folder, const char *file, struct lk_buf *out);

#endif
