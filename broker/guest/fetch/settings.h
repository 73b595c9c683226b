/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_SETTINGS_H
#define LK_FETCH_SETTINGS_H
/*
 * All settings of latchkey-fetch in one table: they are its options, the lines of fetch.conf, and the latchkey.* words
 * of the kernel's command line. The first source that names a setting has it to itself; broker ids must be the same
 * wherever they stand.
 */
#include "broker/guest/fetch/options.h"
#include "broker/guest/fetch/sources.h"

enum lk_source { LK_FROM_OPTIONS = 1, LK_FROM_FILE = 2, LK_FROM_KERNEL = 4 };
#define LK_SETTINGS_MAX 32

struct lk_settings {
    struct lk_fetch_options *o;
    enum lk_source source;             /* of what is put now */
    unsigned char by[LK_SETTINGS_MAX]; /* the source that has a setting; 0: none yet */
    bool create;
    const char *out; /* target of the one secret that names none */
};

struct lk_setting {
    const char *name;
    bool flag; /* no value on a command line, "yes" in a file */
    bool list; /* may stand several times in one source */
    unsigned char sources;
    bool (*take)(struct lk_settings *s, const char *value);
};
extern const struct lk_setting lk_settings_table[];
size_t lk_settings_count(void);

/* lk_source_put; to is the struct lk_settings, whose texts borrow the value. */
bool lk_settings_put(void *to, const char *name, const char *value, struct lk_source_error *e);

/* After all sources: what is needed is there, and targets fit together. */
bool lk_settings_settle(struct lk_settings *s, struct lk_source_error *e);

#endif
