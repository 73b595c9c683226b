/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_DOCUMENTS_H
#define LK_CLI_DOCUMENTS_H
/* Policy and reference files on the command line: compiled, checked together, told about with file:line:column. */
#include "broker/cli/command.h"
#include "broker/cli/set_file.h"
#include "policy/appraise/policyset.h"
#include "proto/base/buffer.h"

#define LK_CLI_OBJECTS_MAX 1024
#define LK_CLI_SETS_MAX 16

enum lk_cli_kind { LK_CLI_POLICY, LK_CLI_REFERENCE };

/* One compiled object. */
struct lk_cli_object {
    enum lk_cli_kind kind;
    char name[65];
    struct lk_buf message;
};

struct lk_cli_documents {
    struct lk_policyset *set;
    struct lk_cli_object *objects;
    size_t n;
    struct lk_set_parts *sets[LK_CLI_SETS_MAX]; /* whose members `set` borrows */
    size_t n_sets;
};

/* MEMORY. Close in either case. */
LK_MUST_USE lk_result lk_cli_documents_open(struct lk_cli_documents *d);
void lk_cli_documents_close(struct lk_cli_documents *d);
#define LK_DOCUMENTS_AUTO __attribute__((cleanup(lk_cli_documents_close))) struct lk_cli_documents

/*
 * Compiles a file and adds what is in it. Errors and notes go to standard error, each on a line
 * "FILE:LINE:COLUMN: error: CODE: text". FILE, POLICY_*.
 */
LK_MUST_USE lk_result lk_cli_documents_add(struct lk_cli_documents *d, enum lk_cli_kind kind, const char *file);

/* Adds a reference set of a file (set_file.h). FILE, SET_MALFORMED, POLICY_LIMIT. */
LK_MUST_USE lk_result lk_cli_documents_add_set(struct lk_cli_documents *d, const char *file);

/* After the last file: what only shows between documents. POLICY_OVERLAP. Missing groups are told as notes. */
LK_MUST_USE lk_result lk_cli_documents_finish(struct lk_cli_documents *d);

/* `latchkey reference make` (reference_make.c). */
lk_command_fn lk_reference_make;

#endif
