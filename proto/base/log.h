/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_LOG_H
#define LK_BASE_LOG_H
/*
 * Structured log: one line an event, written with one write(2) to descriptor 2:
 *
 *   2026-11-21T10:00:00Z info keeper event=release.sealed req=4f2a secret=tenant-a/disk/1
 *
 * Text values are escaped, so that no value can begin a line or a key. No secret
 * byte is ever logged.
 */
#include <stdint.h>

enum lk_log_level { LK_LOG_DEBUG, LK_LOG_INFO, LK_LOG_WARN, LK_LOG_ERROR };

/* The program's short name in each line ("front"), and the least level that is written. */
void lk_log_setup(const char *program, enum lk_log_level least);

/*
 * lk_log(LK_LOG_INFO, "worker.ready", "generation=%u pid=%d", g, pid): fmt gives
 * key=value pairs of numbers and hex; text of others goes through lk_log_text.
 */
void lk_log(enum lk_log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Quoted, escaped and cut copy of text for a log value; valid until the fourth next call (per thread). */
const char *lk_log_text(const char *text);

#endif
