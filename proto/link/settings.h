/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_SETTINGS_H
#define LK_LINK_SETTINGS_H
/*
 * What the supervisor tells a program at its start (the keeper again in CTL_SETTINGS): a memfd of lines
 * "name value\n", at most 64 KiB, checked by the supervisor when it read the configuration. A program takes the
 * names that it knows. (The front has frames of its own: front_config.h.)
 *
 *   all       log-level debug|info|warn|error    sandbox normal|strict
 *   keeper    max-size BYTES (of the store)  challenge-lifetime SECONDS  token-timeout-ms N  verifiers N (workers of a generation, of both classes)
 *   token     module PATH  label TEXT  sessions N  token-timeout-ms N
 *             read-only PATH, read-write PATH   what its module may touch, one line each (Landlock)
 *             profile file|network (file when absent)  allow-unenforced-templates yes|no (no when absent)
 *   verifier  worker N  generation N
 *
 * In CTL_SETTINGS only log-level may differ from before.
 */
#include "proto/base/buffer.h"
#include "proto/base/log.h"

#define LK_SETTINGS_MAX (64u << 10)

struct lk_settings {
    char *text; /* lines, each NUL-terminated in place */
    size_t len;
};

/* Reads the whole memfd and closes it. CONFIG for anything but lines of the form above; IO, MEMORY. */
LK_MUST_USE lk_result lk_settings_read(int fd, struct lk_settings *s);
LK_MUST_USE lk_result lk_settings_parse(struct lk_bytes text, struct lk_settings *s);
void lk_settings_free(struct lk_settings *s);

/* The value of the first line of that name, or NULL. Lives as long as s. */
const char *lk_settings_text(const struct lk_settings *s, const char *name);
/* The next value of that name after *at (start with 0), or NULL. */
const char *lk_settings_next(const struct lk_settings *s, const char *name, size_t *at);
/* A decimal number in min..max. CONFIG when it is absent or anything else. */
LK_MUST_USE lk_result lk_settings_uint(const struct lk_settings *s, const char *name, uint64_t min, uint64_t max,
                                       uint64_t *out);
bool lk_settings_strict(const struct lk_settings *s);
enum lk_log_level lk_settings_log_level(const struct lk_settings *s); /* info when absent */

/* Supervisor: a sealed memfd of these lines, offset 0. The caller owns *fd. IO. */
LK_MUST_USE lk_result lk_settings_memfd(struct lk_bytes text, int *fd);

#endif
