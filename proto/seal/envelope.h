/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_ENVELOPE_H
#define LK_SEAL_ENVELOPE_H
/*
 * The signed envelope of an administrator's change or query: the one thing from
 * outside that the keeper parses itself. Fixed layout, capped, fuzzed first:
 *
 *   signed part
 *     "latchkey-change-v1" 00, or "latchkey-query-v1" 00
 *     32  installation id
 *     32  nonce: random for a change (an envelope is applied once), the keeper's for a query
 *      8  not-after, seconds since 1970, u64be
 *      1  scope length, 0..64; scope, UTF-8 ("" = global)
 *      2  number of items, u16be, 1..64 (a query: 1)
 *         each: 1 kind | 2 object length u16be, 1..255 | object | 8 expected revision u64be (0: must not exist)
 *               | 4 payload length u32be | 32 SHA-256 of the payload (of nothing: length 0)
 *   signatures
 *      1  number, 1..8
 *         each: 2 length u16be, at most 4096 | an SSHSIG blob (PROTOCOL.sshsig), namespace "latchkey",
 *               hash sha256 or sha512, over the signed part
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"

#define LK_ENVELOPE_MAX (64u << 10)
#define LK_ENVELOPE_ITEMS_MAX 64
#define LK_ENVELOPE_SIGNATURES_MAX 8
#define LK_SSHSIG_NAMESPACE "latchkey"

enum lk_change_kind {
    LK_CHANGE_POLICY_SET = 1, /* payload: Policy; object: its name */
    LK_CHANGE_POLICY_DELETE = 2,
    LK_CHANGE_REFERENCE_SET = 3, /* ReferenceRecord; object: its id */
    LK_CHANGE_REFERENCE_DELETE = 4,
    LK_CHANGE_ANCHOR_SET = 5, /* Anchor; object: its name */
    LK_CHANGE_ANCHOR_DELETE = 6,
    LK_CHANGE_SECRET_PUT = 7, /* SecretPut; object: the secret's name; the revision is the version */
    LK_CHANGE_SECRET_DELETE = 8, /* all versions */
    LK_CHANGE_ADMIN_SET = 9, /* AdminKey; object: its name */
    LK_CHANGE_ADMIN_DELETE = 10,
    LK_CHANGE_SET_PUT = 11, /* ReferenceSet; object: NAME/VERSION/PART */
    LK_CHANGE_SET_DELETE = 12,
    LK_CHANGE_COLLATERAL_DROP = 13, /* object: the piece's name; revision 0: uploads are not counted here */
    LK_QUERY_LIST = 64,  /* object: "policy", "reference", "anchor", "secret", "admin", "set"; args: QueryArgs */
    LK_QUERY_GET = 65,   /* object: "policy/prod" */
    LK_QUERY_AUDIT = 66, /* object: "audit"; args first, limit */
    LK_QUERY_DECISION = 67, /* object: a decision id */
};

struct lk_envelope_item {
    enum lk_change_kind kind;
    struct lk_bytes object;
    uint64_t revision; /* that the object is expected to have */
    uint32_t payload_len;
    struct lk_bytes payload_digest; /* 32 bytes */
};

struct lk_envelope {
    bool query;
    struct lk_bytes signed_part;
    struct lk_bytes installation_id; /* 32 */
    struct lk_bytes nonce;           /* 32 */
    int64_t not_after;
    struct lk_bytes scope;
    struct lk_envelope_item items[LK_ENVELOPE_ITEMS_MAX];
    size_t n_items;
    struct lk_bytes signatures[LK_ENVELOPE_SIGNATURES_MAX]; /* SSHSIG blobs */
    size_t n_signatures;
};

/* Layout only. All runs borrow from raw. CHANGE_MALFORMED. */
LK_MUST_USE lk_result lk_envelope_parse(struct lk_bytes raw, struct lk_envelope *out);

/* The signed part of what e says (signed_part and signatures are not looked at). For the CLI. */
void lk_envelope_put_signed(struct lk_buf *out, const struct lk_envelope *e);
/* The whole: signed part and SSHSIG blobs. */
void lk_envelope_put(struct lk_buf *out, struct lk_bytes signed_part, const struct lk_bytes *signatures, size_t n);

/*
 * Checks one SSHSIG blob over msg; the public key (SSH wire form) that made it is lent in *key.
 * ssh-ed25519, ecdsa-sha2-nistp256/384/521, rsa-sha2-256/512 (2048 bits and more), sk-ssh-ed25519@openssh.com and
 * sk-ecdsa-sha2-nistp256@openssh.com (user presence required). CHANGE_MALFORMED, CHANGE_SIGNATURE.
 */
LK_MUST_USE lk_result lk_sshsig_verify(struct lk_bytes blob, struct lk_bytes msg, struct lk_bytes *key);

/* "SHA256:" and unpadded base64 of SHA-256(key), as ssh-keygen -l shows it; out at least 51 bytes. */
void lk_ssh_fingerprint(struct lk_bytes key, char out[static 51]);

/* "ssh-ed25519 AAAA... comment" to wire form. CHANGE_MALFORMED. */
LK_MUST_USE lk_result lk_ssh_public_line(struct lk_bytes line, struct lk_buf *out);

#endif
