/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_VALUE_H
#define LK_APPRAISE_VALUE_H
/*
 * Typed values of claims: what an authenticated item says, in the form that
 * policy rules and reference records compare. Memory belongs to the arena of the
 * request or to static tables; values are borrowed.
 */
#include "proto/base/bytes.h"

enum lk_kind {
    LK_KIND_BOOL,
    LK_KIND_UINT,
    LK_KIND_BYTES,     /* digests, identifiers; hex in documents */
    LK_KIND_WORD,      /* one of the words that the claim's table row lists */
    LK_KIND_TEXT,      /* printable text from an authenticated certificate */
    LK_KIND_VECTOR,    /* named numbers under a selector: a TCB of a product */
    LK_KIND_REGISTERS, /* PCRs: claim "pcr" is addressed as "pcr.sha256.7" */
    LK_KIND_WORDS,     /* a list of names: advisories */
    LK_KIND_FILES,     /* a list of files with their digests: what IMA measured */
};

struct lk_component {
    const char *name;
    uint64_t value;
};

struct lk_register {
    uint16_t alg; /* TPM_ALG_ID: 0x0004 SHA-1, 0x000b SHA-256, 0x000c SHA-384 */
    uint32_t index;
    struct lk_bytes digest;
};

/* A digest of fs-verity is no digest of the file's bytes: its algorithm is TPM_ALG_ID with this bit. */
#define LK_DIGEST_VERITY 0x8000

struct lk_member {
    struct lk_bytes name;   /* the word, or the file's path; not NUL-terminated */
    uint16_t alg;           /* of the digest; 0: none that is known */
    struct lk_bytes digest; /* files */
    const char *signer;     /* files: whose signature over the digest verified, as policies name it; NULL: nobody's */
};

struct lk_value {
    enum lk_kind kind;
    bool present; /* false: this item does not carry the claim (an older report version, say) */
    union {
        bool flag;
        uint64_t number;
        struct lk_bytes bytes;
        const char *word; /* WORD and TEXT, NUL-terminated */
        struct {
            const char *selector;
            const struct lk_component *parts;
            size_t n;
        } vector;
        struct {
            const struct lk_register *r;
            size_t n;
        } registers;
        struct {
            const struct lk_member *m;
            size_t n;
        } list; /* WORDS, FILES */
    };
};

#endif
