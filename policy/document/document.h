/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DOCUMENT_DOCUMENT_H
#define LK_DOCUMENT_DOCUMENT_H
/*
 * Documents that administrators write (docs/man/latchkey-policy.5) to the messages
 * that they sign, and back. For the CLI only: no process of the broker reads YAML.
 * Every check of a message (policyset.h) is run on what was compiled, and its findings
 * are told at the line of the document that they are about.
 */
#include "proto/base/buffer.h"
#include "proto/base/result.h"

#define LK_DOCUMENT_MAX (1u << 20) /* bytes of YAML */
#define LK_DOCUMENT_ERRORS_MAX 64
#define LK_DOCUMENT_RECORDS_MAX 1024 /* records of one file */

struct lk_document_error {
    enum lk_reason_code code;
    int line, column;   /* from 1 */
    char text[512];     /* what is wrong and what is expected */
};

struct lk_document_errors {
    struct lk_document_error e[LK_DOCUMENT_ERRORS_MAX];
    size_t n;
    struct lk_document_error notes[LK_DOCUMENT_ERRORS_MAX]; /* said, not refused: claims left to records */
    size_t n_notes;
};

/*
 * A policy document to a packed latchkey.v1.Policy. POLICY_* (the first of errors), MEMORY.
 * message is untouched on failure.
 */
LK_MUST_USE lk_result lk_document_policy(struct lk_bytes yaml, struct lk_buf *message, struct lk_document_errors *errors);

/* Called for each record of a file, in order; id is NUL-terminated. Another result than OK ends the reading. */
typedef lk_result lk_document_record_fn(void *context, const char *id, struct lk_bytes message);

/* A reference document, one record or a list, to packed latchkey.v1.ReferenceRecord. put is called only if all are right. */
LK_MUST_USE lk_result lk_document_references(struct lk_bytes yaml, lk_document_record_fn *put, void *context,
                                             struct lk_document_errors *errors);

/* The object's name in a packed message, into out: for the change's object. REQUEST_MALFORMED. */
LK_MUST_USE lk_result lk_document_policy_name(struct lk_bytes message, char out[static 65]);

/*
 * A packed message as the document that compiles to it: what is shown, compared and
 * approved is rendered from the signed bytes. REQUEST_*, MEMORY.
 */
LK_MUST_USE lk_result lk_document_render_policy(struct lk_bytes message, struct lk_buf *out);
LK_MUST_USE lk_result lk_document_render_reference(struct lk_bytes message, struct lk_buf *out);

/* An entry of `anchors:` in a trust document (schema latchkey-trust/1): a certificate file, PEM or DER, for a family. */
typedef lk_result lk_document_anchor_fn(void *context, const char *family, const char *name, const char *file);
LK_MUST_USE lk_result lk_document_trust(struct lk_bytes yaml, lk_document_anchor_fn *put, void *context,
                                        struct lk_document_errors *errors);

#endif
