/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_CALLS_H
#define LK_TOKEN_CALLS_H
/*
 * The six calls that the keeper can make of the token process, and nothing else.
 * Frame types CALL_*; the answer is a RESULT with the call's request id:
 * u16 reason code index (0: OK), then the output to the end. Calls may be answered out of order.
 *
 * Secrets are framed as u32le length || bytes inside every wrapped blob, because
 * AES-KWP loses a short secret's length in some tokens. The token process frames what CALL_WRAP brings and takes the
 * frame off what CALL_UNWRAP answers; what the CLI seals to the import key it frames itself (lk_rsa_aes_wrap does),
 * for CALL_IMPORT never sees it; and the guest takes the frame off what CALL_REWRAP answers (lk_rsa_aes_unwrap does).
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"
#include "proto/base/secret.h"
#include "proto/seal/recipient.h"

enum lk_kek { LK_KEK_SEALED = 1, LK_KEK_IN_TOKEN = 2 };
const char *lk_kek_name(enum lk_kek k); /* "sealed", "in-token" */

#define LK_SECRET_MAX (64u << 10)
#define LK_SIGN_MAX 900 /* bytes of a message to sign */
/* A blob: u8 version 1 | u8 enum lk_kek | AES-KWP of the framed secret. The second byte is a hint; the KEK decides. */
#define LK_BLOB_MAX (LK_SECRET_MAX + 32)
/* What the CLI seals (lk_rsa_aes_wrap): OAEP of at most 512 bytes, then as a blob. */
#define LK_SEALED_MAX (LK_BLOB_MAX + 512)

/* What signatures of the installation key are for; the domain string is signed before the message. */
enum lk_sign_domain {
    LK_SIGN_ANSWER_KEY = 1,  /* "latchkey-answer-key-v1" 00 */
    LK_SIGN_CHECKPOINT = 2,  /* "latchkey-audit-checkpoint-v1" 00 */
    LK_SIGN_IMPORT_KEY = 3,  /* "latchkey-import-key-v1" 00 */
    LK_SIGN_GENESIS = 4,     /* "latchkey-genesis-v1" 00 */
    LK_SIGN_MADE = 5,        /* "latchkey-secrets-made-v1" 00 */
};

/* The domain string with its zero byte; absent for an unknown domain. */
struct lk_bytes lk_sign_domain_bytes(enum lk_sign_domain d);

/* The head of the change list that the token keeps. */
struct lk_head {
    uint64_t index;
    uint8_t hash[32];
};
void lk_head_put(struct lk_buf *out, const struct lk_head *h); /* u64le, 32 bytes: what CALL_HEAD answers */
LK_MUST_USE lk_result lk_head_get(struct lk_bytes p, struct lk_head *h);

/* TOKEN_READY: public facts, sent once by the token process when it has logged in and probed. */
struct lk_token_info {
    uint8_t installation_id[32];
    struct lk_bytes installation_key; /* SPKI DER, P-256 */
    struct lk_bytes import_key;       /* SPKI DER, RSA-3072 or more */
    enum lk_suite import_suite;
    enum lk_suite suites[4];          /* in-token suites that the trial found, best first; NONE-terminated */
    struct lk_head head;
};
void lk_token_info_put(struct lk_buf *out, const struct lk_token_info *i);
LK_MUST_USE lk_result lk_token_info_get(struct lk_bytes payload, struct lk_token_info *i); /* runs borrow */

/* Payloads of the calls, in this order of fields. */
struct lk_call_wrap { enum lk_kek kek; struct lk_bytes plaintext; };          /* -> blob */
struct lk_call_unwrap { struct lk_bytes blob; };                               /* KEK sealed only -> plaintext */
struct lk_call_rewrap { struct lk_bytes blob; struct lk_recipient recipient; }; /* KEK in-token -> ciphertext of the RSA suite */
struct lk_call_import { enum lk_kek kek; struct lk_bytes sealed; };            /* what the CLI sealed -> blob under the KEK */
struct lk_call_sign { enum lk_sign_domain domain; struct lk_bytes message; };  /* LK_SIGN_MAX -> ECDSA DER, SHA-256 */
struct lk_call_head { bool set; struct lk_head expected, next; };              /* -> head in force; set only if expected holds; next.index > expected.index */

/* Puts write the payload, gets read it; FRAME_FORBIDDEN on anything else. */
void lk_call_wrap_put(struct lk_buf *out, const struct lk_call_wrap *c);
LK_MUST_USE lk_result lk_call_wrap_get(struct lk_bytes p, struct lk_call_wrap *c);
void lk_call_unwrap_put(struct lk_buf *out, const struct lk_call_unwrap *c);
LK_MUST_USE lk_result lk_call_unwrap_get(struct lk_bytes p, struct lk_call_unwrap *c);
void lk_call_rewrap_put(struct lk_buf *out, const struct lk_call_rewrap *c);
LK_MUST_USE lk_result lk_call_rewrap_get(struct lk_bytes p, struct lk_call_rewrap *c);
void lk_call_import_put(struct lk_buf *out, const struct lk_call_import *c);
LK_MUST_USE lk_result lk_call_import_get(struct lk_bytes p, struct lk_call_import *c);
void lk_call_sign_put(struct lk_buf *out, const struct lk_call_sign *c);
LK_MUST_USE lk_result lk_call_sign_get(struct lk_bytes p, struct lk_call_sign *c);
void lk_call_head_put(struct lk_buf *out, const struct lk_call_head *c);
LK_MUST_USE lk_result lk_call_head_get(struct lk_bytes p, struct lk_call_head *c);
void lk_call_result_put(struct lk_buf *out, lk_result r, struct lk_bytes output);
LK_MUST_USE lk_result lk_call_result_get(struct lk_bytes p, lk_result *r, struct lk_bytes *output);

#endif
