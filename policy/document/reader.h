/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DOCUMENT_READER_H
#define LK_DOCUMENT_READER_H
/* One YAML file while it is compiled: nodes, errors with their place, and the places that findings name. */
#include <libfyaml.h>

#include "policy/appraise/text.h"
#include "policy/document/document.h"

#include "policy.pb-c.h"

#define LK_DOC_PLACES_MAX 4096

struct lk_doc_place {
    const char *path; /* as findings name it: "prod/snp/sev-snp.vmpl" */
    struct fy_node *node;
};

struct lk_doc {
    struct fy_document *tree;
    struct fy_diag *diag;
    struct lk_arena *arena;
    struct lk_document_errors *errors;
    struct lk_doc_place *places;
    size_t n_places;
};

/* POLICY_SYNTAX with the parser's own message, MEMORY. Close in either case. */
LK_MUST_USE lk_result lk_doc_open(struct lk_doc *d, struct lk_bytes yaml, struct lk_document_errors *errors);
void lk_doc_close(struct lk_doc *d);

/* The first error's code, or OK. */
LK_MUST_USE lk_result lk_doc_state(const struct lk_doc *d);

void lk_doc_error(struct lk_doc *d, enum lk_reason_code code, struct fy_node *at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void lk_doc_note(struct lk_doc *d, struct fy_node *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Remembers where the thing with this path stands. */
void lk_doc_place(struct lk_doc *d, struct fy_node *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Turns findings into errors at their places; the nearest known place of a longer path. */
void lk_doc_take_findings(struct lk_doc *d, const struct lk_report *report);

/* Scalar text in the arena; NULL after an error. key says whose value it is. */
char *lk_doc_text(struct lk_doc *d, struct fy_node *node, const char *key);

/* "because" of {because: TEXT}; "" when it is not written (the lint then asks for it). */
char *lk_doc_because(struct lk_doc *d, struct fy_node *node, const char *key);

/* A scalar or a list of scalars as an array in the arena. */
char **lk_doc_texts(struct lk_doc *d, struct fy_node *node, const char *key, size_t *n);

/* A mapping's keys and what reads each. */
struct lk_doc_key {
    const char *name;
    void (*read)(struct lk_doc *d, struct fy_node *value, const char *key, void *out);
    bool required;
};

/*
 * Reads a mapping by a table (ended by a NULL name). Unknown keys go to other, or are errors when it is NULL;
 * missing required ones are errors.
 */
void lk_doc_mapping(struct lk_doc *d, struct fy_node *node, const char *what, const struct lk_doc_key *keys,
                    void (*other)(struct lk_doc *d, struct fy_node *value, const char *key, void *out), void *out);

/* Calls item for each of a list's nodes, or once for a node that is no list. */
void lk_doc_each(struct lk_doc *d, struct fy_node *node, void (*item)(struct lk_doc *d, struct fy_node *node, void *out),
                 void *out);

/* Nodes of a list; 1 for another node. */
size_t lk_doc_count(struct fy_node *node);

void *lk_doc_array(struct lk_doc *d, size_t n, size_t size);

#endif
