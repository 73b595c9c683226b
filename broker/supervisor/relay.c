/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/supervisor/relay.h"
#include "proto/base/log.h"
#include "proto/base/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIME_LEN 21 /* "2026-11-21T10:00:00Z " */

/* "2026-11-21T10:00:00Z info ..." */
static bool is_log_line(const char *line)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ ";
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)line[i]) : line[i] != shape[i])
            return false;
    return strstr(line, " event=") != NULL;
}

static void note_gap(struct lk_relay *r, const char *line)
{
    static const struct {
        const char *words;
        enum lk_sandbox_gap gap;
    } gaps[] = {
        {" event=sandbox.absent what=namespaces", LK_GAP_NAMESPACES},
        {" event=sandbox.absent what=landlock", LK_GAP_LANDLOCK},
        {" event=sandbox.absent what=seccomp", LK_GAP_SECCOMP},
    };
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++)
        if (strstr(line, gaps[i].words) != NULL)
            r->absent |= gaps[i].gap;
}

static void note_line(struct lk_relay *r, const char *line)
{
    const char *words = line + TIME_LEN;
    if (strncmp(words, "error ", 6) == 0)
        snprintf(r->error, sizeof(r->error), "%s", words + 6);
    note_gap(r, line);
}

static void put_line(struct lk_relay *r, const char *program, pid_t pid)
{
    const char *line = r->line;
    if (!is_log_line(line)) {
        lk_log(LK_LOG_WARN, "output", "program=%s pid=%d text=%s", program, (int)pid, lk_log_text(line));
        return;
    }
    note_line(r, line);
    char out[LK_RELAY_LINE + 32];
    int n = snprintf(out, sizeof(out), "%s pid=%d\n", line, (int)pid);
    ssize_t written = write(2, out, (size_t)n); /* a full log is not a reason to stop */
    (void)written;
}

static void take(struct lk_relay *r, const char *bytes, size_t n, const char *program, pid_t pid)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            r->line[r->have] = '\0';
            if (r->have > 0)
                put_line(r, program, pid);
            r->have = 0;
            r->skipping = false;
        } else if (r->have == sizeof(r->line) - 1) {
            r->skipping = true;
        } else if (!r->skipping) {
            r->line[r->have++] = isprint((unsigned char)bytes[i]) ? bytes[i] : '?';
        }
    }
}

bool lk_relay_read(struct lk_relay *r, const char *program, pid_t pid)
{
    for (int rounds = 0; r->fd != -1 && rounds < 16; rounds++) {
        char bytes[4096];
        ssize_t n = read(r->fd, bytes, sizeof(bytes));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0) {
            take(r, "\n", 1, program, pid);
            lk_relay_close(r);
            return false;
        }
        take(r, bytes, (size_t)n, program, pid);
    }
    return r->fd != -1;
}

void lk_relay_close(struct lk_relay *r)
{
    if (r->fd != -1)
        close(r->fd);
    r->fd = -1;
}
