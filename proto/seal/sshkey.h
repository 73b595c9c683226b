/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_SSHKEY_H
#define LK_SEAL_SSHKEY_H
/*
 * SSH public keys in wire form (RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4; PROTOCOL.u2f) to EVP keys, for
 * proto/seal/sshsig.c. Public names are in envelope.h.
 */
#include "proto/base/cursor.h"

#include <openssl/types.h>

enum lk_ssh_kind { LK_SSH_ED25519, LK_SSH_ECDSA, LK_SSH_RSA };

struct lk_ssh_type {
    const char *name;    /* "ecdsa-sha2-nistp384" */
    enum lk_ssh_kind kind;
    const char *curve;   /* "nistp384" for ECDSA */
    const char *group;   /* "P-384" */
    const char *hash;    /* of the signature; NULL for Ed25519, and for RSA where the signature names it */
    bool security_key;   /* a FIDO key: the signature has flags and a counter */
};

struct lk_ssh_key {
    const struct lk_ssh_type *type;
    EVP_PKEY *key;
    struct lk_bytes application; /* security keys; borrows */
};

/* A string of RFC 4251, 5: u32be length, at most max, and as many bytes. */
struct lk_bytes lk_ssh_string(struct lk_cursor *c, size_t max);
/* A positive mpint without its sign byte; fails on zero, negative and not minimal ones. */
struct lk_bytes lk_ssh_mpint(struct lk_cursor *c, size_t max);

/* The caller frees out->key. CHANGE_MALFORMED: unknown type, bad point, RSA of less than 2048 or more than 8192 bits. */
LK_MUST_USE lk_result lk_ssh_key_parse(struct lk_bytes blob, struct lk_ssh_key *out);

#endif
