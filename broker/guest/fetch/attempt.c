/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/attempt.h"

#include <openssl/evp.h>
#include <string.h>

#include "broker/client/pack.h"
#include "broker/guest/fetch/answer.h"
#include "broker/guest/fetch/collector.h"
#include "broker/guest/fetch/output.h"
#include "broker/guest/fetch/say.h"
#include "proto/base/clock.h"
#include "proto/grpc/client/client.h"
#include "proto/msg/unpack.h"
#include "proto/seal/ticket.h"

#define METHOD(name) "/latchkey.v1.KeyRelease/" name
#define ARENA_MAX (64u << 20) /* collectors' answers of a few MiB, unpacked, and a retry with another alternative */
#define REQUEST_MAX (4u << 20)
#define ITEMS_MAX 16

struct attempt {
    const struct lk_fetch_options *o;
    struct lk_delivery *delivery;
    const char *broker;
    uint64_t deadline;
    struct lk_fetch_outcome *outcome;
    bool told; /* the outcome says more than a result can */
    struct lk_arena *arena;
    struct lk_collector *collectors[LK_FETCH_COLLECTORS_MAX];
    size_t n_collectors;
    struct lk_collector *identified; /* whose EK and AK are in the ticket */
    struct lk_bytes ek, ak;
    struct lk_grpc_client *client;
    const Latchkey__V1__ChallengeResponse *challenge;
    Latchkey__V1__EvidenceItem *items[ITEMS_MAX];
    size_t n_items;
    struct lk_bytes s;
    EVP_PKEY *key;
    enum lk_suite suite;
    struct lk_buf statement;
};

static struct lk_bytes bytes_of(ProtobufCBinaryData d)
{
    return lk_bytes(d.data, d.len);
}

/* Default collectors that are not installed are passed over; one that was named must start. */
static lk_result begin_collectors(struct attempt *a)
{
    for (size_t i = 0; i < a->o->n_collectors; i++) {
        lk_result r = lk_collector_begin(a->o->collectors[i], a->o->call_timeout_s, a->arena, &a->collectors[a->n_collectors]);
        if (lk_ok(r))
            a->n_collectors++;
        else if (!a->o->default_collectors)
            return r;
    }
    return a->n_collectors > 0 ? LK_OK : LK_FAIL(COLLECTOR_MISSING);
}

static void drop_collector(struct attempt *a, size_t i)
{
    lk_collector_end(a->collectors[i]);
    a->n_collectors--;
    memmove(&a->collectors[i], &a->collectors[i + 1], (a->n_collectors - i) * sizeof(*a->collectors));
}

/* Keys of the first collector that has some: a ticket is activated for one EK and AK. */
static lk_result identify(struct attempt *a)
{
    for (size_t i = 0; i < a->n_collectors && a->identified == NULL;) {
        const Latchkey__V1__CollectorIdentity *identity = NULL;
        if (!lk_collector_identifies(a->collectors[i])) {
            i++;
            continue;
        }
        lk_result r = lk_collector_identify(a->collectors[i], a->o->default_collectors, a->arena, &identity);
        if (!lk_ok(r) && !a->o->default_collectors)
            return r;
        if (!lk_ok(r)) {
            drop_collector(a, i); /* no such hardware here */
            continue;
        }
        if (identity->ek_public.len > 0) {
            a->identified = a->collectors[i];
            a->ek = bytes_of(identity->ek_public);
            a->ak = bytes_of(identity->ak_public);
        }
        i++;
    }
    return a->n_collectors > 0 ? LK_OK : LK_FAIL(COLLECTOR_MISSING);
}

static uint64_t call_deadline(const struct attempt *a)
{
    uint64_t one = lk_clock_mono_ms() + (uint64_t)a->o->call_timeout_s * 1000;
    return one < a->deadline ? one : a->deadline;
}

static lk_result connect_broker(struct attempt *a)
{
    struct lk_dial dial = {.address = a->broker, .ca_file = a->o->ca, .server_name = a->o->server_name};
    return lk_grpc_open(&dial, call_deadline(a), &a->client);
}

/* One call. A status that is not OK ends the attempt: what it says is judged with the statement, if there is one. */
static lk_result call(struct attempt *a, const char *method, const void *request,
                      const ProtobufCMessageDescriptor *type, void **out)
{
    LK_BUF_AUTO bytes = lk_buf(REQUEST_MAX);
    lk_client_pack(&bytes, request);
    LK_TRY(lk_buf_ok(&bytes));
    LK_GRPC_REPLY_AUTO reply = {0};
    lk_result r = lk_grpc_call(a->client, method, lk_buf_bytes(&bytes), call_deadline(a), &reply);
    lk_buf_wipe(&bytes);
    LK_TRY(r);
    if (reply.status != 0) {
        a->told = true;
        return lk_answer_refusal(&reply, a->o->broker_id, lk_buf_bytes(&a->statement), a->arena, a->outcome);
    }
    LK_REQUIRE(lk_ok(lk_msg_unpack(type, lk_buf_bytes(&reply.body), a->arena, &LK_MSG_LIMITS_REQUEST, out)),
               BROKER_PROTOCOL);
    return LK_OK;
}

static lk_result get_challenge(struct attempt *a)
{
    Latchkey__V1__ChallengeRequest request = LATCHKEY__V1__CHALLENGE_REQUEST__INIT;
    char *names[LK_FETCH_SECRETS_MAX];
    for (size_t i = 0; i < a->o->n_secrets; i++) {
        names[i] = lk_arena_str(a->arena, a->o->secrets[i].name, a->o->secrets[i].name_len);
        LK_REQUIRE(names[i] != NULL, MEMORY);
    }
    request.secrets = names;
    request.n_secrets = a->o->n_secrets;
    request.ek_public = lk_client_bin(a->ek);
    request.ak_public = lk_client_bin(a->ak);
    void *m = NULL;
    LK_TRY(call(a, METHOD("GetChallenge"), &request, &latchkey__v1__challenge_response__descriptor, &m));
    a->challenge = m;
    LK_REQUIRE(a->challenge->ticket.len == LK_TICKET_LEN && a->challenge->evidence != NULL, BROKER_PROTOCOL);
    /* Not signed, so no proof of anything; but a wrong address is noticed before evidence goes there. */
    LK_REQUIRE(lk_bytes_eq(bytes_of(a->challenge->broker_id), LK_BYTES(a->o->broker_id)), ANSWER_BROKER);
    return LK_OK;
}

static struct lk_collector *first_with(const struct attempt *a, const char *family)
{
    for (size_t i = 0; i < a->n_collectors; i++)
        if (lk_collector_has(a->collectors[i], family))
            return a->collectors[i];
    return NULL;
}

/* The collector of an earlier item of the alternative, if it can: logs go with the quote that vouches for them. */
static struct lk_collector *collector_for(const struct attempt *a, const Latchkey__V1__EvidenceAlternative *from, size_t item)
{
    const char *family = from->items[item]->family;
    for (size_t i = item; i-- > 0;) {
        struct lk_collector *c = first_with(a, from->items[i]->family);
        if (c != NULL && lk_collector_has(c, family))
            return c;
    }
    return first_with(a, family);
}

/* The first family that nothing here collects; NULL when there is none. */
static const char *family_missing(const struct attempt *a, const Latchkey__V1__EvidenceAlternative *alternative)
{
    for (size_t i = 0; i < alternative->n_items; i++)
        if (first_with(a, alternative->items[i]->family) == NULL)
            return alternative->items[i]->family;
    return NULL;
}

static lk_result activate(struct attempt *a)
{
    if (a->challenge->credential_blob.len == 0)
        return LK_OK;
    LK_REQUIRE(a->identified != NULL, BROKER_PROTOCOL); /* a blob for keys that were not sent */
    return lk_collector_activate(a->identified, bytes_of(a->challenge->credential_blob),
                                 bytes_of(a->challenge->encrypted_secret), a->arena, &a->s);
}

static lk_result make_statement(struct attempt *a)
{
    LK_BUF_AUTO spki = lk_buf(1024);
    LK_TRY(lk_guest_key_suite(a->o->key, a->challenge->evidence->suites, a->challenge->evidence->n_suites, &a->suite));
    LK_TRY(lk_guest_key_new(a->o->key, &a->key, &spki));
    Latchkey__V1__SecretRef refs[LK_FETCH_SECRETS_MAX], *list[LK_FETCH_SECRETS_MAX];
    for (size_t i = 0; i < a->o->n_secrets; i++) {
        latchkey__v1__secret_ref__init(&refs[i]);
        refs[i].name = lk_arena_str(a->arena, a->o->secrets[i].name, a->o->secrets[i].name_len);
        LK_REQUIRE(refs[i].name != NULL, MEMORY);
        refs[i].create = a->o->secrets[i].create;
        list[i] = &refs[i];
    }
    Latchkey__V1__Statement statement = LATCHKEY__V1__STATEMENT__INIT;
    statement.purpose = LATCHKEY__V1__STATEMENT__PURPOSE__RELEASE;
    statement.broker_id = lk_client_bin(LK_BYTES(a->o->broker_id));
    statement.recipient_key = lk_client_bin(lk_buf_bytes(&spki));
    statement.suite = (char *)(uintptr_t)lk_suite_name(a->suite);
    statement.secrets = list;
    statement.n_secrets = a->o->n_secrets;
    lk_client_pack(&a->statement, &statement);
    return lk_buf_ok(&a->statement);
}

/* Logs grow: one that is read after the quote has at least what the quoted registers cover. */
static bool is_log(const char *family)
{
    return strcmp(family, "eventlog") == 0 || strcmp(family, "ima") == 0;
}

/* From the collector that fits; when that cannot, from any other that has the family: hardware that is not there may be told of by a TPM. */
static lk_result collect_item(struct attempt *a, const Latchkey__V1__EvidenceAlternative *alternative, size_t item,
                              struct lk_bytes binding)
{
    struct lk_collector *first = collector_for(a, alternative, item);
    lk_result r = lk_collector_collect(first, binding, alternative, item, a->arena, &a->items[item]);
    for (size_t i = 0; r.code == LK_R_COLLECTOR_FAILED && i < a->n_collectors; i++)
        if (a->collectors[i] != first && lk_collector_has(a->collectors[i], alternative->items[item]->family))
            r = lk_collector_collect(a->collectors[i], binding, alternative, item, a->arena, &a->items[item]);
    return r;
}

static lk_result collect_items(struct attempt *a, const Latchkey__V1__EvidenceAlternative *alternative,
                               struct lk_bytes binding, bool logs)
{
    for (size_t i = 0; i < alternative->n_items; i++) {
        if (is_log(alternative->items[i]->family) == logs)
            LK_TRY(collect_item(a, alternative, i, binding));
    }
    return LK_OK;
}

static lk_result try_alternative(struct attempt *a, const Latchkey__V1__EvidenceAlternative *alternative,
                                 struct lk_bytes binding)
{
    const char *missing = family_missing(a, alternative);
    if (missing != NULL || alternative->n_items == 0 || alternative->n_items > ITEMS_MAX) {
        lk_say_alternative(alternative, missing != NULL ? missing : "", LK_ALTERNATIVE_NO_COLLECTOR);
        return LK_FAIL(COLLECTOR_MISSING);
    }
    lk_result r = collect_items(a, alternative, binding, false);
    if (lk_ok(r))
        r = collect_items(a, alternative, binding, true);
    a->n_items = alternative->n_items;
    lk_say_alternative(alternative, "", lk_ok(r) ? LK_ALTERNATIVE_TAKEN : LK_ALTERNATIVE_FAILED);
    return r;
}

/* The first alternative, in the policy's order, that this machine can do. What is only busy is worth another attempt. */
static lk_result collect(struct attempt *a)
{
    uint8_t binding[64];
    const Latchkey__V1__EvidenceRequest *wanted = a->challenge->evidence;
    lk_result worst = LK_FAIL(COLLECTOR_MISSING);
    LK_TRY(lk_binding(bytes_of(a->challenge->ticket), a->s, lk_buf_bytes(&a->statement), binding));
    for (size_t i = 0; i < wanted->n_alternatives; i++) {
        lk_result r = try_alternative(a, wanted->alternatives[i], LK_BYTES(binding));
        if (r.code != LK_R_COLLECTOR_MISSING && r.code != LK_R_COLLECTOR_FAILED)
            return r;
        worst = r.code == LK_R_COLLECTOR_FAILED ? r : worst;
    }
    return worst;
}

/* Told here, where the size is known and nothing was sent; without a limit the broker says it. */
static lk_result check_size(const struct attempt *a, const Latchkey__V1__ReleaseRequest *request)
{
    size_t max = a->challenge->evidence->max_bundle_bytes;
    LK_REQUIRE(max == 0 || latchkey__v1__release_request__get_packed_size(request) <= max, EVIDENCE_TOO_LARGE);
    return LK_OK;
}

static lk_result save_bundle(const struct attempt *a, const Latchkey__V1__ReleaseRequest *request)
{
    LK_BUF_AUTO bytes = lk_buf(REQUEST_MAX);
    lk_client_pack(&bytes, request);
    LK_TRY(lk_buf_ok(&bytes));
    lk_result r = lk_fetch_write(a->o->save_bundle, lk_buf_bytes(&bytes));
    lk_buf_wipe(&bytes);
    return r;
}

static lk_result release(struct attempt *a)
{
    LK_TRY(collect(a));
    Latchkey__V1__ReleaseRequest request = LATCHKEY__V1__RELEASE_REQUEST__INIT;
    request.ticket = a->challenge->ticket;
    request.s = lk_client_bin(a->s);
    request.statement = lk_client_bin(lk_buf_bytes(&a->statement));
    request.items = a->items;
    request.n_items = a->n_items;
    LK_TRY(check_size(a, &request));
    if (a->o->save_bundle != NULL)
        LK_TRY(save_bundle(a, &request));
    void *m = NULL;
    LK_TRY(call(a, METHOD("Release"), &request, &latchkey__v1__release_response__descriptor, &m));
    const Latchkey__V1__ReleaseResponse *response = m;
    const Latchkey__V1__Answer *answer = NULL;
    LK_REQUIRE(response->answer != NULL, ANSWER_UNSIGNED);
    LK_TRY(lk_answer_read(response->answer, a->o->broker_id, lk_buf_bytes(&a->statement), a->arena, &answer));
    a->told = true;
    return lk_answer_write(a->delivery, answer, a->key, a->suite, a->outcome);
}

static lk_result run(struct attempt *a)
{
    LK_REQUIRE(a->arena != NULL, MEMORY);
    LK_TRY(begin_collectors(a));
    LK_TRY(identify(a));
    LK_TRY(connect_broker(a));
    LK_TRY(get_challenge(a));
    LK_TRY(activate(a));
    LK_TRY(make_statement(a));
    return release(a);
}

static void end(struct attempt *a)
{
    EVP_PKEY_free(a->key);
    lk_grpc_close(a->client);
    for (size_t i = 0; i < a->n_collectors; i++)
        lk_collector_end(a->collectors[i]);
    lk_buf_free(&a->statement);
    lk_arena_free(a->arena);
}

void lk_fetch_attempt(struct lk_delivery *delivery, const char *broker, uint64_t deadline,
                      struct lk_fetch_outcome *outcome)
{
    struct attempt a = {.o = delivery->o, .delivery = delivery, .broker = broker, .deadline = deadline, .outcome = outcome};
    a.arena = lk_arena_new(ARENA_MAX);
    a.statement = lk_buf(64u << 10);
    lk_result r = run(&a);
    if (!a.told)
        lk_outcome_local(outcome, r);
    end(&a);
}
