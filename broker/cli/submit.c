/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/submit.h"

#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/cli/command.h"
#include "broker/cli/confirm.h"
#include "broker/cli/sign.h"
#include "broker/client/failure.h"
#include "broker/client/pack.h"
#include "proto/base/clock.h"
#include "proto/msg/unpack.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"

#define METHOD(name) "/latchkey.v1.Admin/" name
#define ARENA_MAX (16u << 20)
#define NOT_AFTER_S 300 /* a clock that is wrong by minutes does not hinder */
#define REQUEST_MAX (4u << 20)

struct lk_admin {
    struct lk_profile profile;
    struct lk_grpc_client *client;
    struct lk_arena *arena;       /* of the last query or failure */
    struct lk_arena *hello_arena; /* of the first hello */
    struct lk_admin_hello hello;
    bool broker_failed; /* failure says what the last call met */
    struct lk_failure failure;
    char message[512];
};

const struct lk_admin_hello *lk_admin_hello(const struct lk_admin *a)
{
    return &a->hello;
}

void lk_admin_close(struct lk_admin *a)
{
    if (a == NULL)
        return;
    lk_grpc_close(a->client);
    lk_arena_free(a->arena);
    lk_arena_free(a->hello_arena);
    free(a);
}

static uint64_t call_deadline(const struct lk_admin *a)
{
    return lk_clock_mono_ms() + (uint64_t)a->profile.timeout_s * 1000;
}

/* Keeps what the broker said, and gives its reason as ours when we know it. */
static lk_result keep_failure(struct lk_admin *a, const struct lk_grpc_reply *reply)
{
    lk_failure_read(reply, a->arena, &a->failure);
    a->broker_failed = true;
    snprintf(a->message, sizeof(a->message), "%s", reply->message);
    for (char *p = a->message; *p != '\0'; p++) /* goes to a terminal, and nobody signed it */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    enum lk_reason_code code = lk_reason_by_name(a->failure.code);
    return code == LK_R_COUNT || code == LK_R_OK ? LK_FAIL(BROKER_PROTOCOL) : (lk_result){code};
}

/* One call; the reply's body is unpacked into the arena. */
static lk_result call(struct lk_admin *a, const char *method, const void *request,
                      const ProtobufCMessageDescriptor *type, struct lk_arena *arena, void **out)
{
    a->broker_failed = false;
    LK_BUF_AUTO bytes = lk_buf(REQUEST_MAX);
    lk_client_pack(&bytes, request);
    LK_TRY(lk_buf_ok(&bytes));
    LK_GRPC_REPLY_AUTO reply = {0};
    LK_TRY(lk_grpc_call(a->client, method, lk_buf_bytes(&bytes), call_deadline(a), &reply));
    if (reply.status != 0)
        return keep_failure(a, &reply);
    LK_REQUIRE(lk_ok(lk_msg_unpack(type, lk_buf_bytes(&reply.body), arena, &LK_MSG_LIMITS_DOCUMENT, out)),
               BROKER_PROTOCOL);
    return LK_OK;
}

static struct lk_bytes bytes_of(ProtobufCBinaryData d)
{
    return lk_bytes(d.data, d.len);
}

static lk_result say_hello(struct lk_admin *a, bool nonce, struct lk_arena *arena, Latchkey__V1__HelloResponse **out)
{
    Latchkey__V1__HelloRequest request = LATCHKEY__V1__HELLO_REQUEST__INIT;
    request.nonce = nonce;
    void *m = NULL;
    LK_TRY(call(a, METHOD("Hello"), &request, &latchkey__v1__hello_response__descriptor, arena, &m));
    *out = m;
    return LK_OK;
}

static lk_result first_hello(struct lk_admin *a)
{
    Latchkey__V1__HelloResponse *h = NULL;
    LK_TRY(say_hello(a, false, a->hello_arena, &h));
    LK_TRY(lk_import_key_verify(bytes_of(h->installation_key), a->profile.broker_id, bytes_of(h->installation_id),
                                bytes_of(h->import_key), bytes_of(h->import_certification)));
    LK_REQUIRE(h->installation_id.len == 32, BROKER_PROTOCOL);
    a->hello = (struct lk_admin_hello){
        .installation_id = bytes_of(h->installation_id),
        .import_key = bytes_of(h->import_key),
        .import_suite = h->import_suite,
    };
    return LK_OK;
}

/* Each address of the profile in turn, until one answers. */
static lk_result connect_any(struct lk_admin *a)
{
    lk_result r = LK_FAIL(BROKER_ADDRESS);
    char *rest = a->profile.broker;
    for (char *address = strtok_r(rest, " ", &rest); address != NULL; address = strtok_r(NULL, " ", &rest)) {
        struct lk_dial dial = {
            .address = address,
            .ca_file = a->profile.ca[0] != '\0' ? a->profile.ca : NULL,
            .server_name = a->profile.server_name[0] != '\0' ? a->profile.server_name : NULL,
        };
        r = lk_grpc_open(&dial, call_deadline(a), &a->client);
        if (lk_ok(r) || lk_class_of(r) != LK_CLASS_UNAVAILABLE)
            return r;
    }
    return r;
}

lk_result lk_admin_open(const struct lk_profile *profile, struct lk_admin **out)
{
    struct lk_admin *a = calloc(1, sizeof(*a));
    LK_REQUIRE(a != NULL, MEMORY);
    *out = a;
    a->profile = *profile;
    a->arena = lk_arena_new(ARENA_MAX);
    a->hello_arena = lk_arena_new(64u << 10);
    LK_REQUIRE(a->arena != NULL && a->hello_arena != NULL, MEMORY);
    LK_TRY(connect_any(a));
    return first_hello(a);
}

static lk_result item_of(const struct lk_change_item *in, struct lk_envelope_item *out, uint8_t digest[static 32])
{
    LK_TRY(lk_sha256(&in->payload, 1, digest));
    *out = (struct lk_envelope_item){
        .kind = in->kind,
        .object = lk_bytes_str(in->object),
        .revision = in->revision,
        .payload_len = (uint32_t)in->payload.len,
        .payload_digest = lk_bytes(digest, 32),
    };
    return LK_OK;
}

/* The signed envelope over items. */
static lk_result make_envelope(struct lk_admin *a, bool query, struct lk_bytes nonce,
                               const struct lk_change_item *items, size_t n, struct lk_buf *out)
{
    LK_REQUIRE(n >= 1 && n <= LK_ENVELOPE_ITEMS_MAX, CHANGE_MALFORMED);
    uint8_t digests[LK_ENVELOPE_ITEMS_MAX][32];
    struct lk_envelope e = {
        .query = query,
        .installation_id = a->hello.installation_id,
        .nonce = nonce,
        .not_after = lk_clock_wall() + NOT_AFTER_S,
        .scope = lk_bytes_str(""),
        .n_items = n,
    };
    for (size_t i = 0; i < n; i++)
        LK_TRY(item_of(&items[i], &e.items[i], digests[i]));
    LK_BUF_AUTO signed_part = lk_buf(LK_ENVELOPE_MAX);
    LK_BUF_AUTO signature = lk_buf(4096);
    lk_envelope_put_signed(&signed_part, &e);
    LK_TRY(lk_buf_ok(&signed_part));
    LK_TRY(lk_cli_sign(a->profile.key, lk_buf_bytes(&signed_part), &signature));
    struct lk_bytes blob = lk_buf_bytes(&signature);
    lk_envelope_put(out, lk_buf_bytes(&signed_part), &blob, 1);
    return lk_buf_ok(out);
}

static lk_result keep_done(const Latchkey__V1__ChangeResponse *response, size_t n, struct lk_change_done *done)
{
    LK_REQUIRE(response->n_revisions == n, BROKER_PROTOCOL);
    *done = (struct lk_change_done){.index = response->index, .generation = response->generation, .n = n};
    for (size_t i = 0; i < n; i++)
        done->revisions[i] = response->revisions[i];
    return LK_OK;
}

/* Sends the same envelope again while the broker is loading another change: it applies once. */
static lk_result send_change(struct lk_admin *a, const Latchkey__V1__ChangeRequest *request, void **response)
{
    uint64_t until = call_deadline(a);
    const struct timespec pause = {.tv_nsec = 200000000};
    for (;;) {
        lk_arena_reset(a->arena);
        lk_result r = call(a, METHOD("Change"), request, &latchkey__v1__change_response__descriptor, a->arena, response);
        if (r.code != LK_R_CHANGE_BUSY || lk_clock_mono_ms() >= until)
            return r;
        nanosleep(&pause, NULL);
    }
}

lk_result lk_admin_change(struct lk_admin *a, const struct lk_change_item *items, size_t n, struct lk_change_done *done)
{
    uint8_t nonce[32];
    LK_REQUIRE(RAND_bytes(nonce, sizeof(nonce)) == 1, CRYPTO);
    LK_BUF_AUTO envelope = lk_buf(LK_ENVELOPE_MAX);
    LK_TRY(make_envelope(a, false, LK_BYTES(nonce), items, n, &envelope));
    ProtobufCBinaryData payloads[LK_ENVELOPE_ITEMS_MAX];
    for (size_t i = 0; i < n; i++)
        payloads[i] = lk_client_bin(items[i].payload);
    Latchkey__V1__ChangeRequest request = LATCHKEY__V1__CHANGE_REQUEST__INIT;
    request.envelope = lk_client_bin(lk_buf_bytes(&envelope));
    request.payloads = payloads;
    request.n_payloads = n;
    void *response = NULL;
    LK_TRY(send_change(a, &request, &response));
    LK_TRY(keep_done(response, n, done));
    return lk_confirm(a, items, n, done->revisions);
}

static lk_result check_query_answer(const struct lk_admin *a, const Latchkey__V1__QueryResponse *r, struct lk_bytes envelope)
{
    uint8_t query[32];
    LK_TRY(lk_sha256(&envelope, 1, query));
    struct lk_answer_keys keys = {
        .answer_key = bytes_of(r->answer_key),
        .installation_key = bytes_of(r->installation_key),
        .certification = bytes_of(r->certification),
        .start_id = bytes_of(r->start_id),
    };
    return lk_query_answer_verify(&keys, a->profile.broker_id, LK_BYTES(query), bytes_of(r->result), bytes_of(r->signature));
}

lk_result lk_admin_query(struct lk_admin *a, enum lk_change_kind kind, const char *object,
                         const Latchkey__V1__QueryArgs *args, const Latchkey__V1__QueryResult **out)
{
    lk_arena_reset(a->arena);
    Latchkey__V1__HelloResponse *hello = NULL;
    LK_TRY(say_hello(a, true, a->arena, &hello));
    LK_REQUIRE(hello->nonce.len == 32, BROKER_PROTOCOL);
    LK_BUF_AUTO packed = lk_buf(4096);
    LK_BUF_AUTO envelope = lk_buf(LK_ENVELOPE_MAX);
    uint8_t salt[32];
    LK_REQUIRE(RAND_bytes(salt, sizeof(salt)) == 1, CRYPTO);
    Latchkey__V1__QueryArgs salted = LATCHKEY__V1__QUERY_ARGS__INIT;
    if (args != NULL)
        salted = *args;
    salted.salt = lk_client_bin(LK_BYTES(salt));
    lk_client_pack(&packed, &salted);
    struct lk_change_item item = {.kind = kind, .object = object, .payload = lk_buf_bytes(&packed)};
    LK_TRY(make_envelope(a, true, bytes_of(hello->nonce), &item, 1, &envelope));
    Latchkey__V1__QueryRequest request = LATCHKEY__V1__QUERY_REQUEST__INIT;
    request.envelope = lk_client_bin(lk_buf_bytes(&envelope));
    request.args = lk_client_bin(lk_buf_bytes(&packed));
    void *response = NULL, *result = NULL;
    LK_TRY(call(a, METHOD("Query"), &request, &latchkey__v1__query_response__descriptor, a->arena, &response));
    const Latchkey__V1__QueryResponse *r = response;
    LK_TRY(check_query_answer(a, r, lk_buf_bytes(&envelope)));
    LK_REQUIRE(lk_ok(lk_msg_unpack(&latchkey__v1__query_result__descriptor, bytes_of(r->result), a->arena,
                                   &LK_MSG_LIMITS_DOCUMENT, &result)), BROKER_PROTOCOL);
    *out = result;
    return LK_OK;
}

lk_result lk_admin_revision(struct lk_admin *a, const char *kind, const char *name, uint64_t *revision)
{
    Latchkey__V1__QueryArgs args = LATCHKEY__V1__QUERY_ARGS__INIT;
    const Latchkey__V1__QueryResult *result = NULL;
    args.name = (char *)(uintptr_t)name;
    LK_TRY(lk_admin_query(a, LK_QUERY_LIST, kind, &args, &result));
    *revision = 0;
    for (size_t i = 0; i < result->n_objects; i++) /* args.name is a prefix */
        if (strcmp(result->objects[i]->name, name) == 0)
            *revision = result->objects[i]->revision;
    return LK_OK;
}

lk_result lk_admin_put(struct lk_admin *a, enum lk_change_kind kind, const char *list, const char *name,
                       struct lk_bytes payload, struct lk_change_done *done)
{
    struct lk_change_item item = {.kind = kind, .object = name, .payload = payload};
    LK_TRY(lk_admin_revision(a, list, name, &item.revision));
    return lk_admin_change(a, &item, 1, done);
}

/* The change was answered, but the signed state does not bear the answer out. */
static int tell_unproven(const struct lk_admin *a, lk_result r, const char *text)
{
    lk_cli_fail(r, "%s", text);
    if (a->broker_failed)
        fprintf(stderr, "latchkey: instead of a signed answer came %s: %s\n",
                a->failure.code[0] != '\0' ? a->failure.code : "an error", a->message);
    return LK_EXIT_UNPROVEN;
}

int lk_admin_fail(const struct lk_admin *a, lk_result r, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (r.code == LK_R_CHANGE_NOT_IN_FORCE || r.code == LK_R_CHANGE_UNCONFIRMED)
        return tell_unproven(a, r, text);
    if (a == NULL || !a->broker_failed)
        return lk_cli_fail(r, "%s", text);
    const struct lk_reason *reason = lk_reason(lk_reason_by_name(a->failure.code));
    bool known = lk_reason_by_name(a->failure.code) != LK_R_COUNT;
    fprintf(stderr, "latchkey: %s: the broker says %s (%s): %s\n", text,
            a->failure.code[0] != '\0' ? a->failure.code : "nothing of its own", lk_class_name(a->failure.cls), a->message);
    if (known && reason->remedy[0] != '\0')
        fprintf(stderr, "latchkey: %s\n", reason->remedy);
    return lk_class_exit(a->failure.cls);
}
