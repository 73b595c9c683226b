/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/verifier/request.h"
#include "proto/base/limits.h"
#include "proto/base/secret.h"
#include "proto/msg/unpack.h"
#include "proto/seal/hash.h"
#include "proto/tpm/credential.h"

#include "latchkey.pb-c.h"

#include <openssl/rand.h>
#include <string.h>

#define S_LEN 32u
#define EVIDENCE_REQUEST_MAX (8u << 10)

static lk_result keep(struct lk_arena *arena, struct lk_bytes b, struct lk_bytes *out)
{
    uint8_t *copy = lk_arena_alloc(arena, b.len);
    LK_REQUIRE(copy != NULL, MEMORY);
    memcpy(copy, b.data, b.len);
    *out = lk_bytes(copy, b.len);
    return LK_OK;
}

/* ---- evidence request ---- */

static void add_suite(const char **suites, size_t *n, size_t max, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(suites[i], name) == 0)
            return;
    if (*n < max)
        suites[(*n)++] = name;
}

/* HPKE needs nothing of the token; what else there is, the keeper wrote into the snapshot. */
static size_t list_suites(const struct lk_judge_with *w, struct lk_arena *arena, const char **suites, size_t max)
{
    size_t n = 0;
    add_suite(suites, &n, max, lk_suite_name(LK_SUITE_HPKE_X25519));
    add_suite(suites, &n, max, lk_suite_name(LK_SUITE_HPKE_P256));
    const char *all = lk_arena_str(arena, w->suites.data, w->suites.len);
    for (size_t at = 0; all != NULL && at < w->suites.len; at += strlen(all + at) + 1)
        if (lk_suite_by_name(lk_bytes_str(all + at)) != LK_SUITE_NONE)
            add_suite(suites, &n, max, all + at);
    return n;
}

/* Limits and suites go behind the alternatives: protobuf messages merge by concatenation. */
static lk_result put_limits(const struct lk_judge_with *w, struct lk_arena *arena, struct lk_buf *out)
{
    const char *suites[8];
    Latchkey__V1__EvidenceRequest m = LATCHKEY__V1__EVIDENCE_REQUEST__INIT;
    m.max_bundle_bytes = LK_BUNDLE_MAX;
    m.n_suites = list_suites(w, arena, suites, sizeof(suites) / sizeof(suites[0]));
    m.suites = (char **)(uintptr_t)suites;
    uint8_t *room = lk_put_room(out, latchkey__v1__evidence_request__get_packed_size(&m));
    LK_REQUIRE(room != NULL, TOO_LARGE);
    latchkey__v1__evidence_request__pack(&m, room);
    return LK_OK;
}

static lk_result evidence_request(const struct lk_judge_with *w, struct lk_arena *arena,
                                  const Latchkey__V1__ChallengeRequest *m, struct lk_challenge_frame *c)
{
    struct lk_bytes names[LK_VERDICT_SECRETS_MAX];
    LK_REQUIRE(m->n_secrets >= 1 && m->n_secrets <= LK_VERDICT_SECRETS_MAX, REQUEST_LIMIT);
    for (size_t i = 0; i < m->n_secrets; i++) {
        names[i] = lk_bytes_str(m->secrets[i]);
        LK_REQUIRE(names[i].len <= 255 && lk_secret_name_ok(names[i], true), SECRET_NAME);
    }
    LK_BUF_AUTO out = lk_buf(EVIDENCE_REQUEST_MAX);
    LK_TRY(lk_policyset_evidence_request(w->policies, names, m->n_secrets, &out));
    LK_TRY(put_limits(w, arena, &out));
    return keep(arena, lk_buf_bytes(&out), &c->evidence_request);
}

/* ---- activation ---- */

static lk_result make_credential(struct lk_arena *arena, struct lk_bytes ek, struct lk_bytes ak, struct lk_bytes s,
                                 struct lk_challenge_frame *c)
{
    LK_BUF_AUTO blob = lk_buf(LK_TPM_CREDENTIAL_MAX);
    LK_BUF_AUTO encrypted = lk_buf(LK_TPM_ENCRYPTED_SECRET_MAX);
    LK_TRY(lk_tpm_challenge(ek, ak, s, &blob, &encrypted, c->context));
    LK_TRY(keep(arena, lk_buf_bytes(&blob), &c->credential_blob));
    LK_TRY(keep(arena, lk_buf_bytes(&encrypted), &c->encrypted_secret));
    c->activated = true;
    return LK_OK;
}

static lk_result activation(struct lk_arena *arena, const Latchkey__V1__ChallengeRequest *m, struct lk_challenge_frame *c)
{
    struct lk_bytes ek = lk_bytes(m->ek_public.data, m->ek_public.len);
    struct lk_bytes ak = lk_bytes(m->ak_public.data, m->ak_public.len);
    LK_REQUIRE((ek.len > 0) == (ak.len > 0), REQUEST_MALFORMED);
    if (ek.len == 0)
        return lk_sha256(NULL, 0, c->s_hash); /* plain: s is empty */
    LK_REQUIRE(ek.len <= LK_TPM_PUBLIC_MAX + 2 && ak.len <= LK_TPM_PUBLIC_MAX + 2, REQUEST_LIMIT);
    LK_SECRET_AUTO s = {0};
    LK_TRY(lk_secret_new(&s, S_LEN));
    LK_REQUIRE(RAND_bytes(s.data, S_LEN) == 1, CRYPTO);
    LK_TRY(lk_sha256(LK_PARTS(lk_secret_bytes(&s)), c->s_hash));
    return make_credential(arena, ek, ak, lk_secret_bytes(&s), c);
}

static lk_result fill(const struct lk_judge_with *w, struct lk_arena *arena, const struct lk_msg_request *rq, uint64_t now,
                      struct lk_challenge_frame *c)
{
    LK_REQUIRE(now < rq->deadline_mono_ms, DEADLINE);
    void *message;
    LK_TRY(lk_msg_unpack(&latchkey__v1__challenge_request__descriptor, rq->message, arena, &LK_MSG_LIMITS_REQUEST, &message));
    LK_TRY(evidence_request(w, arena, message, c));
    return activation(arena, message, c);
}

lk_result lk_verifier_challenge(const struct lk_judge_with *w, struct lk_arena *arena, struct lk_bytes payload,
                                uint64_t now_mono_ms, struct lk_challenge_frame *c)
{
    struct lk_msg_request rq;
    LK_TRY(lk_msg_request_get(payload, &rq));
    struct lk_challenge_frame head = {.deadline_mono_ms = rq.deadline_mono_ms, .generation = w->snapshot.head.generation};
    memcpy(head.caller, rq.caller, sizeof(head.caller));
    *c = head;
    lk_result r = fill(w, arena, &rq, now_mono_ms, c);
    if (lk_ok(r))
        return LK_OK;
    *c = head; /* a challenge that failed carries nothing but why */
    c->failed = r.code;
    return LK_OK;
}
