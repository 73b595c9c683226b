/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_SOURCES_H
#define LK_FETCH_SOURCES_H
/* The two texts that settings come from besides the command line: fetch.conf(5), and the kernel's command line. */
#include <stdbool.h>
#include <stddef.h>

#define LK_SOURCE_MAX 65536 /* bytes of either text */

/*
 * Takes one setting; value is NULL where the kernel's command line has a word without "=". Both texts live in the
 * buffer that was read. False ends the reading, with the error filled in.
 */
struct lk_source_error {
    unsigned line; /* 0: none */
    char text[160];
};
typedef bool lk_source_put(void *to, const char *name, const char *value, struct lk_source_error *e);

/* Fills in e->text and returns false. */
bool lk_source_fail(struct lk_source_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * fetch.conf: lines "NAME = VALUE", "#" begins a comment line. text has len bytes and room for a NUL behind them; it
 * is cut up in place. A wrong line ends it: e has its number.
 */
bool lk_source_file(char *text, size_t len, lk_source_put *put, void *to, struct lk_source_error *e);

/*
 * The kernel's command line (Documentation/admin-guide/kernel-parameters.rst): words "latchkey.NAME=VALUE" or
 * "latchkey.NAME"; double quotes keep blanks in a word; what follows "--" is for init.
 */
bool lk_source_kernel(char *text, size_t len, lk_source_put *put, void *to, struct lk_source_error *e);

#endif
