/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum lk_device_status lk_device_error_set(struct lk_device_error *e, enum lk_device_status status, const char *fmt, ...)
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
