/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/snp/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lk_snp_evidence_free(struct lk_snp_evidence *e)
{
    lk_buf_free(&e->report);
    lk_buf_free(&e->certs);
}

enum lk_snp_status lk_snp_error_set(struct lk_snp_error *e, enum lk_snp_status status, const char *fmt, ...)
{
    int error = errno;
    char what[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(e->text, sizeof(e->text), "%s%s%s", what, error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
    return status;
}
