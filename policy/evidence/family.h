/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_FAMILY_H
#define LK_EVIDENCE_FAMILY_H
/*
 * An evidence family: one kind of evidence item (an SNP report with its
 * certificates, a TPM quote, an event log), in one folder, behind this interface.
 * The chain engine (policy/chain/chain.h) runs the functions in this order and
 * stops an item at the first failure:
 *
 *   parse         fixed layouts only; attacker's bytes, nothing authenticated yet
 *   authenticate  to a trust anchor, or to a proof that another item gave
 *   claim         typed values for the policy's rules
 *   vouch         proofs for other items
 *   read_vouched  logs, JSON, CBOR: only once a digest vouches for the bytes and
 *                 the rules of the item that gave it have passed
 *
 * Functions are pure: no I/O, no clock, no globals. All memory comes from the
 * arena, so nothing is freed. Every failure is added to the report with expected
 * and actual (lk_report_add) and returned with the same reason code.
 */
#include "policy/appraise/value.h"
#include "policy/chain/trust.h"
#include "proto/base/arena.h"
#include "proto/base/report.h"

#define LK_FAMILY_PARTS_MAX 16
#define LK_FAMILY_CLAIMS_MAX 96

struct lk_item; /* private to the family */

/* What one item can give another. */
enum lk_proof_kind {
    LK_PROOF_KEY,      /* SHA-256 of a SubjectPublicKeyInfo that the item vouches for */
    LK_PROOF_TPM_NAME, /* TPM Name (nameAlg and digest) of a key */
    LK_PROOF_DIGEST,   /* digest of bytes that another item carries */
    LK_PROOF_REGISTER, /* value of a PCR: alg and index say which */
    LK_PROOF_RTMR,     /* value of a TD's RTMR: alg and index (0 to 3) likewise */
    LK_PROOF_BINDING,  /* the binding that the item signed: 64 or 32 bytes */
};

struct lk_proof {
    enum lk_proof_kind kind;
    uint16_t alg;   /* TPM_ALG_ID of a digest or bank; 0 otherwise */
    uint32_t index; /* register */
    struct lk_bytes value;
    bool guest_chosen; /* the guest wrote the bytes: counts only if the policy pins the writer */
};

struct lk_proofs {
    const struct lk_proof *p;
    size_t n;
};

/* A part of an item: `family:part=file` on the command line, EvidencePart.name on the wire. */
struct lk_part {
    const char *name;
    uint32_t max_len; /* bytes; checked before parse is called */
    bool required;
    const char *doc;
};

enum lk_claim_flag {
    LK_CLAIM_PLACEHOLDER = 1, /* may stand in a secret's name as {family.claim}: lower-case hex or word */
    LK_CLAIM_PIN = 2,         /* a rule on it pins the software that runs (measurement, ID key) */
    LK_CLAIM_MACHINE = 4,     /* no two machines have the same value, and no guest can make itself another:
                                 create-on-first-use needs such a placeholder */
#define LK_CLAIM_PCR(i) (1u << (8 + (i))) /* i below 24: a rule on it wants this PCR quoted too, beside lk_family.pcrs */
};

/*
 * A claim: one row makes the YAML key, the lint, the safe default, the refusal's
 * reason code, the JSON name and the documentation.
 */
struct lk_claim {
    const char *name; /* "vmpl" */
    enum lk_kind kind;
    /* The rule that holds when a document does not mention the claim, written as in the document
       ("0", "deny", "required", "skip"). NULL: a document must mention it. "skip" only where the claim
       is informational. */
    const char *safe_default;
    enum lk_reason_code refusal;
    const char *doc; /* one sentence, with the source's name for the field */
    const char *const *words; /* WORD: allowed words; VECTOR: component names; NULL-terminated; else NULL */
    unsigned flags;
};

/* How an EK's activation is known. */
enum lk_activation {
    LK_ACTIVATION_NONE,    /* offline without --assume-activated, or a plain ticket */
    LK_ACTIVATION_TICKET,  /* the ticket is of kind `activated`; context below */
    LK_ACTIVATION_ASSUMED, /* --assume-activated; the output shows it */
};

struct lk_family_input {
    const struct lk_bytes *parts; /* indexed as family->parts; absent runs for parts not sent */
    struct lk_arena *arena;
    int64_t at; /* evaluation time, seconds since 1970 */
    const struct lk_trust *trust;
    enum lk_activation activation;
    struct lk_bytes activation_context; /* SHA-256(EK name || AK name), 32 bytes, for LK_ACTIVATION_TICKET */
    struct lk_report *report;
};

/* Where an authenticated item got its authenticity. */
struct lk_anchoring {
    bool rooted;               /* in a trust anchor, else by a proof */
    char anchor[72];           /* "ARK-Milan", name or fingerprint of the anchor; rooted only */
    const struct lk_proof *by; /* the proof used; not rooted only */
    bool activated;            /* holds only because EK and AK were activated together */
    bool activation_assumed;
    uint8_t context[32];       /* SHA-256(EK name || AK name) that the ticket must carry; activated only */
    /* A line for each certificate or key on the way from the anchor to the item, for people. */
    const char *path[8];
    size_t n_path;
    const char *wanted; /* with UNANCHORED: what would vouch for it, for people; NULL: nothing special */
};

struct lk_family {
    const char *name; /* "sev-snp" */
    const char *doc;
    const struct lk_part *parts;
    size_t n_parts;
    const struct lk_claim *claims;
    size_t n_claims;
    bool carries_binding; /* every item of this family must vouch LK_PROOF_BINDING */
    uint32_t pcrs;        /* of a log: bit i: it means nothing unless the chain's quote has PCR i */
    /*
     * The digest of such an item fills the field in which the item that vouches for it would carry the binding: that one
     * then counts only with an item of its chain that does.
     */
    bool displaces_binding;

    LK_MUST_USE lk_result (*parse)(const struct lk_family_input *in, struct lk_item **out);

    /*
     * UNANCHORED (reasons/chain.def) when neither an anchor nor a proof vouches for it: not a
     * finding yet, the engine calls again when there are more proofs.
     */
    LK_MUST_USE lk_result (*authenticate)(const struct lk_family_input *in, struct lk_item *item,
                                          const struct lk_proofs *proofs, struct lk_anchoring *how);

    /* Optional. */
    LK_MUST_USE lk_result (*read_vouched)(const struct lk_family_input *in, struct lk_item *item,
                                          const struct lk_proofs *proofs);

    /* Fills values[i] for claims[i]; values arrive zeroed (absent). Only after authenticate. */
    LK_MUST_USE lk_result (*claim)(const struct lk_family_input *in, const struct lk_item *item,
                                   struct lk_value *values);

    /* Calls put for each proof; values live in the arena. Only after authenticate. */
    void (*vouch)(const struct lk_item *item, void (*put)(void *to, const struct lk_proof *proof), void *to);
};

/* All families, in the order of docs; n is set to their number. policy/evidence/families.c */
const struct lk_family *const *lk_families(size_t *n);

/* NULL when there is none of that name. */
const struct lk_family *lk_family_by_name(struct lk_bytes name);

#endif
