/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/answer.h"

#include <stdio.h>
#include <string.h>

#include "broker/guest/fetch/say.h"
#include "proto/msg/unpack.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"

static struct lk_bytes bytes_of(ProtobufCBinaryData d)
{
    return lk_bytes(d.data, d.len);
}

lk_result lk_answer_read(const Latchkey__V1__SignedAnswer *s, const uint8_t broker_id[static 32],
                         struct lk_bytes statement, struct lk_arena *arena, const Latchkey__V1__Answer **out)
{
    struct lk_answer_keys keys = {
        .answer_key = bytes_of(s->answer_key),
        .installation_key = bytes_of(s->installation_key),
        .certification = bytes_of(s->certification),
        .start_id = bytes_of(s->start_id),
    };
    LK_TRY(lk_answer_verify(&keys, broker_id, bytes_of(s->answer), bytes_of(s->signature)));
    void *m = NULL;
    LK_REQUIRE(lk_ok(lk_msg_unpack(&latchkey__v1__answer__descriptor, bytes_of(s->answer), arena, &LK_MSG_LIMITS_REQUEST, &m)),
               ANSWER_CONTENT);
    const Latchkey__V1__Answer *answer = m;
    uint8_t hash[64];
    LK_TRY(lk_sha512(&statement, 1, hash));
    LK_REQUIRE(lk_bytes_eq(bytes_of(answer->statement_hash), LK_BYTES(hash)), ANSWER_STATEMENT);
    *out = answer;
    return LK_OK;
}

static bool released(const Latchkey__V1__SecretAnswer *s)
{
    return strcmp(s->class_, lk_class_name(LK_CLASS_AFFIRMED)) == 0;
}

/* The signed decision inside the details. */
static lk_result read_decision(const struct lk_failure *f, const uint8_t broker_id[static 32], struct lk_bytes statement,
                               struct lk_arena *arena, struct lk_fetch_outcome *o)
{
    void *m = NULL;
    const Latchkey__V1__Answer *answer = NULL;
    LK_REQUIRE(lk_ok(lk_msg_unpack(&latchkey__v1__signed_answer__descriptor, f->signed_answer, arena,
                                   &LK_MSG_LIMITS_REQUEST, &m)), ANSWER_UNSIGNED);
    LK_TRY(lk_answer_read(m, broker_id, statement, arena, &answer));
    size_t i = 0;
    while (i < answer->n_secrets && released(answer->secrets[i]))
        i++;
    LK_REQUIRE(i < answer->n_secrets, ANSWER_CONTENT); /* a status other than OK says that something was not */
    lk_outcome_signed(o, answer, answer->secrets[i]);
    return LK_OK;
}

static bool is_decision(enum lk_class cls)
{
    return cls == LK_CLASS_REFUSED || cls == LK_CLASS_NOT_AUTHENTIC || cls == LK_CLASS_CANNOT_JUDGE;
}

lk_result lk_answer_refusal(const struct lk_grpc_reply *reply, const uint8_t broker_id[static 32],
                            struct lk_bytes statement, struct lk_arena *arena, struct lk_fetch_outcome *o)
{
    struct lk_failure f;
    lk_failure_read(reply, arena, &f);
    lk_outcome_failure(o, &f);
    lk_result r = LK_OK;
    if (f.signed_answer.data != NULL)
        r = read_decision(&f, broker_id, statement, arena, o);
    else if (is_decision(f.cls))
        r = LK_FAIL(ANSWER_UNSIGNED);
    if (!lk_ok(r))
        lk_outcome_local(o, r);
    return LK_FAIL(INTERNAL); /* never looked at beyond "not OK": the outcome says it all */
}

static lk_result write_one(struct lk_delivery *d, size_t wanted, const Latchkey__V1__Answer *answer, EVP_PKEY *key,
                           enum lk_suite suite)
{
    LK_SECRET_AUTO secret = {0};
    const Latchkey__V1__SecretAnswer *s = answer->secrets[wanted];
    LK_TRY(lk_guest_key_open(key, suite, bytes_of(answer->statement_hash), bytes_of(s->enc), bytes_of(s->ciphertext), &secret));
    LK_TRY(lk_deliver(d, wanted, lk_secret_bytes(&secret)));
    lk_say_released(s->name, s->version, d->o->secrets[wanted].target, answer->decision_id, s->created);
    return LK_OK;
}

/* A name without placeholders must come back as it was. */
static bool is_what_was_asked(const struct lk_fetch_secret *wanted, const Latchkey__V1__SecretAnswer *s)
{
    struct lk_bytes name = lk_bytes(wanted->name, wanted->name_len);
    return memchr(name.data, '{', name.len) != NULL || lk_bytes_eq(name, lk_bytes_str(s->name));
}

/* A target that fails does not keep the others from theirs: the first failure is told when all have been tried. */
static lk_result write_all(struct lk_delivery *d, const Latchkey__V1__Answer *answer, EVP_PKEY *key, enum lk_suite suite,
                           struct lk_fetch_outcome *outcome)
{
    lk_result first = LK_OK;
    LK_REQUIRE(answer->n_secrets == d->o->n_secrets, ANSWER_CONTENT);
    for (size_t i = 0; i < answer->n_secrets; i++)
        LK_REQUIRE(is_what_was_asked(&d->o->secrets[i], answer->secrets[i]), ANSWER_CONTENT);
    for (size_t i = 0; i < answer->n_secrets; i++) {
        lk_result r = LK_OK;
        if (released(answer->secrets[i]))
            r = write_one(d, i, answer, key, suite);
        else if (outcome->cls == LK_CLASS_AFFIRMED)
            lk_outcome_signed(outcome, answer, answer->secrets[i]);
        first = lk_ok(first) ? r : first;
    }
    return first;
}

lk_result lk_answer_write(struct lk_delivery *d, const Latchkey__V1__Answer *answer, EVP_PKEY *key, enum lk_suite suite,
                          struct lk_fetch_outcome *outcome)
{
    lk_outcome_local(outcome, LK_OK);
    outcome->is_signed = true;
    snprintf(outcome->decision_id, sizeof(outcome->decision_id), "%s", answer->decision_id);
    lk_result r = write_all(d, answer, key, suite, outcome);
    if (!lk_ok(r))
        lk_outcome_local(outcome, r);
    return r;
}
