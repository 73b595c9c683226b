/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/front/tls_files.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <unistd.h>

static lk_result read_all(int fd, struct lk_buf *out)
{
    uint8_t piece[4096];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            lk_put(out, lk_bytes(piece, (size_t)n));
        OPENSSL_cleanse(piece, sizeof(piece));
        LK_REQUIRE(n >= 0, IO);
        LK_TRY(lk_buf_ok(out));
        if (n == 0)
            return LK_OK;
    }
}

lk_result lk_tls_file_read(int fd, struct lk_buf *out)
{
    lk_buf_wipe(out);
    *out = lk_buf(LK_TLS_FILE_MAX);
    lk_result r = read_all(fd, out);
    close(fd);
    return r;
}

void lk_tls_files_forget(struct lk_tls_files *f)
{
    lk_buf_free(&f->chain);
    lk_buf_free(&f->client_ca);
}
