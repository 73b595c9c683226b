/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FRONT_TLS_FILES_H
#define LK_FRONT_TLS_FILES_H
/* The TLS files, as they arrive one by one in descriptors (proto/link/descriptors.h). */
#include "proto/base/buffer.h"

#define LK_TLS_FILE_MAX (64u << 10)

struct lk_tls_files {
    struct lk_buf chain, client_ca; /* absent: empty */
};

/* Reads a descriptor to its end and closes it. IO, TOO_LARGE. */
LK_MUST_USE lk_result lk_tls_file_read(int fd, struct lk_buf *out);

/* Empties both: after a CTL_RELOAD_KEY. */
void lk_tls_files_forget(struct lk_tls_files *f);

#endif
