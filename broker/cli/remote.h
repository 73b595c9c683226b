/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_REMOTE_H
#define LK_CLI_REMOTE_H
/* What the commands that talk to a broker share: options, connection, lists of objects. */
#include <stdio.h>

#include "broker/cli/command.h"
#include "broker/cli/submit.h"

struct lk_remote {
    struct lk_profile_args args;
    struct lk_profile profile;
    struct lk_admin *admin; /* NULL before lk_remote_open */
    bool json;              /* --json was given */
    const char *name;       /* the one operand, or NULL */
};

/* One more option of a command, with a value. */
struct lk_remote_option {
    const char *name;
    const char **value; /* set when the option is there */
    bool *flag;         /* for an option without a value; value is NULL then */
    const char *help;   /* what follows the name: " FILE: what it is", ": what it does" */
};

/*
 * Reads argv (argv[0] is the verb): the options of LK_PROFILE_OPTIONS, --json, those of extra (at most 8), and at
 * most one operand. --help prints `usage`, the options and returns false with *code 0; a wrong line returns false
 * with *code LK_EXIT_USAGE.
 */
bool lk_remote_args(struct lk_remote *r, int argc, char **argv, const struct lk_remote_option *extra, size_t n_extra,
                    const char *usage, int *code);

/* Resolves the profile and opens the connection. Close in either case. */
LK_MUST_USE lk_result lk_remote_open(struct lk_remote *r);
void lk_remote_close(struct lk_remote *r);
#define LK_REMOTE_AUTO __attribute__((cleanup(lk_remote_close))) struct lk_remote

/* Lists the objects of a kind ("secret") whose names begin with prefix (NULL: all), as a table or JSON. Exit code. */
int lk_remote_list(struct lk_remote *r, const char *kind, const char *prefix);

/* Puts one object against its present revision, and says so. Exit code. */
int lk_remote_put(struct lk_remote *r, enum lk_change_kind kind, const char *list, const char *name,
                  struct lk_bytes payload);

/* Deletes one object; NOT_FOUND when there is none. Exit code. */
int lk_remote_delete(struct lk_remote *r, enum lk_change_kind kind, const char *list, const char *name);

/* Says "latchkey: PATH: what errno means" on standard error; returns FILE. */
LK_MUST_USE lk_result lk_cli_file_failed(const char *path);

/* The whole of a file of at most out's size. FILE (it has said why), TOO_LARGE. */
LK_MUST_USE lk_result lk_cli_read_file(const char *path, struct lk_buf *out);

#endif
