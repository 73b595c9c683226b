/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/front/tls_files.h"

#include <unistd.h>

#include "proto/base/file.h"

lk_result lk_tls_file_read(int fd, struct lk_buf *out)
{
    lk_buf_wipe(out);
    *out = lk_buf(LK_TLS_FILE_MAX);
    bool whole = lk_file_read(fd, out);
    close(fd);
    LK_REQUIRE(whole, IO);
    return lk_buf_ok(out);
}

void lk_tls_files_forget(struct lk_tls_files *f)
{
    lk_buf_free(&f->chain);
    lk_buf_free(&f->client_ca);
}
