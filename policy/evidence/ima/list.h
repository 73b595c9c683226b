/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_IMA_LIST_H
#define LK_IMA_LIST_H
/*
 * Splits an IMA measurement list, ASCII or binary (little-endian), into entries and rebuilds the bytes that the kernel
 * hashed: Linux, Documentation/security/IMA-templates.rst, security/integrity/ima/ima_fs.c. Says nothing about what
 * they mean.
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"

#define LK_IMA_LIST_MAX (4u << 20)
#define LK_IMA_DATA_MAX (1u << 16) /* template data of one entry; a certificate or a table of a device fits */
#define LK_IMA_SHA1 20

struct lk_ima_list {
    struct lk_cursor c;
    bool ascii;
    size_t n_entries;
    struct lk_buf scratch; /* data of the current entry, where it had to be rebuilt */
};

struct lk_ima_entry {
    uint32_t pcr;
    struct lk_bytes hash;     /* SHA-1 template hash, as the list says it; in ASCII lists rebuilt into hash_room */
    uint8_t hash_room[LK_IMA_SHA1];
    const char *template_name; /* of the table */
    struct lk_bytes data;     /* what was hashed */
    bool violation;           /* the hash is all zero: the entry's data are covered by nothing */
    struct lk_bytes algorithm; /* "sha256" */
    struct lk_bytes digest, path;
    bool verity;           /* the digest is of fs-verity, not of the file's bytes */
    bool buffer;           /* template ima-buf: a measured buffer, and path is its name */
    struct lk_bytes blob;  /* the signature's xattr (ima-sig, ima-modsig, ima-sigv2) or the buffer; may be empty */
    bool rebuilt;          /* data, digest, path and blob are in the list's scratch */
};

/* Nothing is read yet. The list borrows from input; close it. */
void lk_ima_open(struct lk_bytes input, struct lk_ima_list *list);
void lk_ima_close(struct lk_ima_list *list);

/*
 * The next entry; more is false at the end. data and its runs live until the next call, and as long as the input unless they were rebuilt. IMA_ENTRY: it runs past the end
 * or its fields are not its template's; IMA_TEMPLATE: a template that is not in the table (ima, ima-ng, ima-sig, ima-buf,
 * ima-modsig, ima-ngv2, ima-sigv2); MEMORY or TOO_LARGE.
 */
LK_MUST_USE lk_result lk_ima_next(struct lk_ima_list *list, struct lk_ima_entry *entry, bool *more);

#endif
