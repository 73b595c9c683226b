/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/log.h"
#include "proto/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    char program[32];
    enum lk_log_level least;
} log_state = {"latchkey", LK_LOG_INFO};

void lk_log_setup(const char *program, enum lk_log_level least)
{
    snprintf(log_state.program, sizeof(log_state.program), "%s", program);
    log_state.least = least;
}

void lk_log(enum lk_log_level level, const char *event, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < log_state.least)
        return;
    char line[2048], when[32];
    lk_time_format(lk_clock_wall(), when, sizeof(when));
    int n = snprintf(line, sizeof(line), "%s %s %s event=%s ", when, names[level], log_state.program, event);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    va_end(ap);
    size_t len = strlen(line);
    if (m < 0)
        return;
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len] = '\n';
    ssize_t written = write(2, line, len + 1); /* a full log is not a reason to stop */
    (void)written;
}

const char *lk_log_text(const char *text)
{
    static _Thread_local char rings[4][300];
    static _Thread_local unsigned next;
    char *out = rings[next++ % 4];
    size_t o = 0, max = sizeof(rings[0]) - 6;
    out[o++] = '"';
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0' && o < max; p++) {
        if (*p < 0x20 || *p == '"' || *p == '\\' || *p >= 0x7f)
            o += (size_t)snprintf(out + o, 5, "\\x%02x", *p);
        else
            out[o++] = (char)*p;
    }
    out[o++] = '"';
    out[o] = '\0';
    return out;
}
