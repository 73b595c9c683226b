/* SPDX-License-Identifier: Apache-2.0 */
/* The administrators' link: Hello, changes, and queries, which are signed like changes and answered signed. */
#include "keystore/audit/audit.h"
#include "keystore/keeper/keeper.h"
#include "keystore/release/pack.h"
#include "latchkey.pb-c.h"
#include "policy.pb-c.h"
#include "proto/base/clock.h"
#include "proto/msg/unpack.h"
#include "proto/seal/hash.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_LIFE_MS 60000
#define ROWS_USUAL 100
#define ROWS_MAX 1000
#define RESULT_MAX ((2u << 20) - 8192)
#define ROOM_FOR_ROWS (1u << 20) /* of one answer; what is left over is asked for again */

void lk_admin_answer(struct lk_keeper *k, uint64_t request, struct lk_bytes body)
{
    LK_BUF_AUTO out = lk_buf(lk_frame_max(LK_F_ANSWER));
    if (lk_ok(lk_answer_body(body, &out)))
        lk_port_send(k->admin, LK_F_ANSWER, request, lk_buf_bytes(&out));
}

void lk_admin_refuse(struct lk_keeper *k, uint64_t request, lk_result why, const char *detail)
{
    LK_BUF_AUTO out = lk_buf(16u << 10);
    if (lk_ok(lk_answer_refusal(why.code, NULL, detail, &out)))
        lk_port_send(k->admin, LK_F_ANSWER, request, lk_buf_bytes(&out));
}

/* Hello */

/* 8 bytes of time, 8 of chance, 16 of a MAC over both: a stranger's Hello takes the place of no other's. */
enum { NONCE_TIME = 8, NONCE_HEAD = 16, NONCE_MAC = 16 };

static lk_result nonce_mac(const struct lk_keeper *k, const uint8_t *head, uint8_t out[static 32])
{
    return lk_hmac_sha256(lk_bytes(k->keys.data, 32),
                          LK_PARTS(LK_DOMAIN("latchkey-query-nonce-v1"), lk_bytes(head, NONCE_HEAD)), out);
}

static lk_result mint_nonce(const struct lk_keeper *k, uint8_t out[static 32])
{
    uint8_t mac[32];
    LK_BUF_AUTO head = lk_buf(NONCE_HEAD);
    lk_put_u64be(&head, lk_clock_mono_ms() + NONCE_LIFE_MS);
    uint8_t *chance = lk_put_room(&head, NONCE_HEAD - NONCE_TIME);
    LK_REQUIRE(chance != NULL && RAND_bytes(chance, NONCE_HEAD - NONCE_TIME) == 1, CRYPTO);
    LK_TRY(nonce_mac(k, head.data, mac));
    memcpy(out, head.data, NONCE_HEAD);
    memcpy(out + NONCE_HEAD, mac, NONCE_MAC);
    return LK_OK;
}

static bool is_ours(const struct lk_keeper *k, struct lk_bytes nonce)
{
    uint8_t mac[32];
    return nonce.len == 32 && lk_ok(nonce_mac(k, nonce.data, mac)) &&
           lk_bytes_ct_eq(lk_bytes(nonce.data + NONCE_HEAD, NONCE_MAC), lk_bytes(mac, NONCE_MAC));
}

/* One use. Only an administrator's queries come here: those of one minute are remembered, or there is no room. */
static bool take_nonce(struct lk_keeper *k, struct lk_bytes nonce)
{
    size_t room = LK_NONCES;
    struct lk_cursor c = lk_cursor(nonce);
    uint64_t until = lk_u64be(&c), now = lk_clock_mono_ms();
    if (!is_ours(k, nonce) || until <= now)
        return false;
    for (size_t i = 0; i < LK_NONCES; i++) {
        if (k->nonces[i].until <= now)
            room = i;
        else if (lk_bytes_ct_eq(nonce, LK_BYTES(k->nonces[i].value)))
            return false;
    }
    if (room == LK_NONCES)
        return false;
    memcpy(k->nonces[room].value, nonce.data, 32);
    k->nonces[room].until = until;
    return true;
}

static lk_result hello(struct lk_keeper *k, struct lk_bytes message, struct lk_arena *arena, struct lk_buf *out)
{
    void *m = NULL;
    uint8_t nonce[32];
    LK_TRY(lk_msg_unpack(&latchkey__v1__hello_request__descriptor, message, arena, &LK_MSG_LIMITS_REQUEST, &m));
    Latchkey__V1__HelloResponse r = LATCHKEY__V1__HELLO_RESPONSE__INIT;
    r.installation_id = lk_pack_bytes(LK_BYTES(k->header.installation_id));
    r.installation_key = lk_pack_bytes(lk_buf_bytes(&k->installation_key));
    r.import_key = lk_pack_bytes(lk_buf_bytes(&k->import_key));
    r.import_suite = (char *)(uintptr_t)lk_suite_name(k->import_suite);
    r.import_certification = lk_pack_bytes(lk_buf_bytes(&k->import_certification));
    if (((Latchkey__V1__HelloRequest *)m)->nonce) {
        LK_TRY(mint_nonce(k, nonce));
        r.nonce = lk_pack_bytes(LK_BYTES(nonce));
    }
    return lk_pack(out, &r.base);
}

/* Queries */

struct query {
    struct lk_keeper *keeper;
    uint64_t request, front;
    struct lk_arena *arena;
    uint8_t hash[32]; /* SHA-256 of its envelope: what the answer is signed for */
    Latchkey__V1__QueryResult result;
    Latchkey__V1__ObjectInfo *objects[ROWS_MAX];
    Latchkey__V1__AuditRecord *records[ROWS_MAX];
    size_t room; /* bytes of rows that still fit */
    uint64_t first, limit, seen;
    bool newest;
    struct lk_bytes prefix;
    uint8_t checkpoint_message[LK_CHECKPOINT_SIGNED];
    struct lk_buf checkpoint;
};

static void query_free(struct query *q)
{
    lk_buf_free(&q->checkpoint);
    lk_arena_free(q->arena);
    free(q);
}

static lk_result pack_query(struct query *q, struct lk_buf *out)
{
    struct lk_keeper *k = q->keeper;
    const struct lk_signing by = lk_keeper_signing(k);
    LK_BUF_AUTO result = lk_buf(RESULT_MAX);
    LK_BUF_AUTO signature = lk_buf(LK_SIGNATURE_MAX);
    q->result.checkpoint = lk_pack_bytes(lk_buf_bytes(&q->checkpoint));
    q->result.health = k->health;
    LK_TRY(lk_pack(&result, &q->result.base));
    LK_TRY(lk_query_answer_sign(by.key, LK_BYTES(q->hash), lk_buf_bytes(&result), &signature));
    Latchkey__V1__QueryResponse r = LATCHKEY__V1__QUERY_RESPONSE__INIT;
    r.result = lk_pack_bytes(lk_buf_bytes(&result));
    r.signature = lk_pack_bytes(lk_buf_bytes(&signature));
    r.answer_key = lk_pack_bytes(by.answer_key);
    r.installation_key = lk_pack_bytes(by.installation_key);
    r.certification = lk_pack_bytes(by.certification);
    r.start_id = lk_pack_bytes(by.start_id);
    return lk_pack(out, &r.base);
}

static void query_answer(struct query *q)
{
    LK_BUF_AUTO body = lk_buf(2u << 20);
    lk_result r = pack_query(q, &body);
    if (q->front == q->keeper->fronts && lk_ok(r))
        lk_admin_answer(q->keeper, q->request, lk_buf_bytes(&body));
    else if (q->front == q->keeper->fronts)
        lk_admin_refuse(q->keeper, q->request, r, NULL);
    query_free(q);
}

static char *covering_policy(const struct query *q, const struct lk_object *o)
{
    const struct lk_object *policy;
    size_t n = lk_state_policies_for(q->keeper->state, lk_bytes_str(o->name), &policy);
    return n == 1 ? policy->name : (char *)(uintptr_t)"";
}

/* Its bytes were read when it was set, and are a verifier's to judge by; here they only name the family. */
static char *anchor_family(const struct query *q, const struct lk_object *o)
{
    void *m = NULL;
    lk_result r = lk_msg_unpack(&latchkey__v1__anchor__descriptor, lk_bytes(o->payload, o->payload_len), q->arena,
                                &LK_MSG_LIMITS_DOCUMENT, &m);
    return lk_ok(r) ? ((Latchkey__V1__Anchor *)m)->family : (char *)(uintptr_t)"";
}

static Latchkey__V1__ObjectInfo *object_info(struct query *q, const struct lk_object *o)
{
    Latchkey__V1__ObjectInfo *i = LK_ARENA_NEW(q->arena, Latchkey__V1__ObjectInfo);
    if (i == NULL)
        return NULL;
    latchkey__v1__object_info__init(i);
    i->kind = (char *)(uintptr_t)lk_object_kind_name(o->kind);
    i->name = o->name;
    i->revision = o->revision;
    i->digest = lk_pack_bytes(LK_BYTES(o->digest));
    i->changed = o->changed;
    if (o->kind == LK_OBJECT_SECRET)
        i->note = (char *)(uintptr_t)lk_kek_name(o->kek);
    if (o->kind == LK_OBJECT_SECRET)
        i->policy = covering_policy(q, o);
    if (o->kind == LK_OBJECT_ANCHOR)
        i->note = anchor_family(q, o);
    if (o->made_by != NULL)
        i->made_by = o->made_by;
    return i;
}

static bool list_one(void *arg, const struct lk_object *o)
{
    struct query *q = arg;
    struct lk_bytes name = lk_bytes_str(o->name);
    if (name.len < q->prefix.len || memcmp(name.data, q->prefix.data, q->prefix.len) != 0)
        return true;
    if (q->seen++ < q->first || q->result.n_objects == q->limit)
        return true;
    Latchkey__V1__ObjectInfo *i = object_info(q, o);
    if (i != NULL)
        q->objects[q->result.n_objects++] = i;
    return true;
}

static lk_result query_list(struct query *q, struct lk_bytes object)
{
    enum lk_object_kind kind;
    LK_REQUIRE(lk_object_kind_by_name(object, &kind), NOT_FOUND);
    lk_state_each(q->keeper->state, kind, list_one, q);
    q->result.total = q->seen;
    return LK_OK;
}

static lk_result query_get(struct query *q, struct lk_bytes object)
{
    enum lk_object_kind kind;
    const uint8_t *slash = memchr(object.data, '/', object.len);
    LK_REQUIRE(slash != NULL, NOT_FOUND);
    size_t n = (size_t)(slash - object.data);
    LK_REQUIRE(lk_object_kind_by_name(lk_bytes(object.data, n), &kind), NOT_FOUND);
    const struct lk_object *o = lk_state_find(q->keeper->state, kind, lk_bytes(slash + 1, object.len - n - 1));
    LK_REQUIRE(o != NULL, NOT_FOUND);
    q->objects[0] = object_info(q, o);
    LK_REQUIRE(q->objects[0] != NULL, MEMORY);
    q->result.n_objects = 1;
    q->result.total = 1;
    q->result.payload = lk_pack_bytes(lk_bytes(o->payload, o->payload_len));
    return LK_OK;
}

static lk_result take_record(struct query *q, struct lk_bytes raw, Latchkey__V1__AuditRecord **out)
{
    void *m = NULL;
    uint8_t *leaf = lk_arena_alloc(q->arena, 32);
    LK_REQUIRE(leaf != NULL, MEMORY);
    LK_TRY(lk_msg_unpack(&latchkey__v1__audit_record__descriptor, raw, q->arena, &LK_MSG_LIMITS_DOCUMENT, &m));
    *out = m;
    LK_TRY(lk_merkle_leaf(raw, leaf));
    (*out)->leaf_hash = lk_pack_bytes(lk_bytes(leaf, 32));
    return LK_OK;
}

static lk_result audit_one(void *arg, uint64_t index, struct lk_bytes raw)
{
    struct query *q = arg;
    if (q->room < raw.len) {
        q->room = 0; /* no later, shorter one either: the rows stay without a gap */
        return LK_OK;
    }
    Latchkey__V1__AuditRecord *r;
    LK_TRY(take_record(q, raw, &r));
    r->index = index;
    q->room -= raw.len;
    q->records[q->result.n_records++] = r;
    return LK_OK;
}

static lk_result query_audit(struct query *q, struct lk_bytes object)
{
    struct lk_merkle tree;
    (void)object;
    LK_TRY(lk_audit_tree(q->keeper->store, &tree));
    LK_TRY(lk_audit_checkpoint_message(&tree, q->checkpoint_message));
    q->result.total = tree.size;
    if (q->newest)
        q->first = tree.size > q->limit ? tree.size - q->limit : 0;
    uint64_t left = q->first < tree.size ? tree.size - q->first : 0;
    return lk_audit_each(q->keeper->store, q->first, left < q->limit ? left : q->limit, audit_one, q);
}

static lk_result query_decision(struct query *q, struct lk_bytes object)
{
    uint64_t index;
    q->result.total = 1;
    lk_result r = lk_audit_find(q->keeper->store, object, &index);
    if (lk_ok(r))
        return lk_audit_each(q->keeper->store, index, 1, audit_one, q);
    LK_REQUIRE(r.code == LK_R_NOT_FOUND, STORE_DAMAGED);
    struct lk_bytes raw = lk_noise_find(q->keeper->noise, object);
    LK_REQUIRE(raw.data != NULL, NOT_FOUND);
    LK_TRY(take_record(q, raw, &q->records[0]));
    q->result.n_records = 1;
    return LK_OK;
}

static const struct {
    enum lk_change_kind kind;
    lk_result (*run)(struct query *q, struct lk_bytes object);
} query_table[] = {
    {LK_QUERY_LIST, query_list},
    {LK_QUERY_GET, query_get},
    {LK_QUERY_AUDIT, query_audit},
    {LK_QUERY_DECISION, query_decision},
};

static lk_result read_args(struct query *q, const struct lk_envelope_item *item, struct lk_bytes raw)
{
    uint8_t digest[32];
    void *m = NULL;
    LK_REQUIRE(raw.len == item->payload_len, CHANGE_PAYLOAD);
    LK_TRY(lk_sha256(LK_PARTS(raw), digest));
    LK_REQUIRE(lk_bytes_eq(LK_BYTES(digest), item->payload_digest), CHANGE_PAYLOAD);
    LK_TRY(lk_msg_unpack(&latchkey__v1__query_args__descriptor, raw, q->arena, &LK_MSG_LIMITS_REQUEST, &m));
    const Latchkey__V1__QueryArgs *args = m;
    q->prefix = lk_bytes_str(args->name);
    q->first = args->first;
    q->newest = args->newest;
    q->limit = args->limit == 0 ? ROWS_USUAL : args->limit > ROWS_MAX ? ROWS_MAX : args->limit;
    return LK_OK;
}

static lk_result run_query(struct query *q, struct lk_bytes message, enum lk_change_kind *kind)
{
    void *m = NULL;
    struct lk_envelope e;
    struct lk_signer signer;
    LK_TRY(lk_msg_unpack(&latchkey__v1__query_request__descriptor, message, q->arena, &LK_MSG_LIMITS_REQUEST, &m));
    const Latchkey__V1__QueryRequest *r = m;
    LK_TRY(lk_envelope_authorise(q->keeper->state, lk_bytes(r->envelope.data, r->envelope.len), true, lk_clock_wall(),
                                 &e, &signer));
    LK_REQUIRE(take_nonce(q->keeper, e.nonce), QUERY_NONCE);
    LK_TRY(lk_sha256(LK_PARTS(lk_bytes(r->envelope.data, r->envelope.len)), q->hash));
    LK_TRY(read_args(q, &e.items[0], lk_bytes(r->args.data == NULL ? (const uint8_t *)"" : r->args.data, r->args.len)));
    *kind = e.items[0].kind;
    for (size_t i = 0; i < sizeof(query_table) / sizeof(query_table[0]); i++)
        if (query_table[i].kind == *kind)
            return query_table[i].run(q, e.items[0].object);
    return LK_FAIL(CHANGE_MALFORMED);
}

static void checkpoint_signed(void *arg, lk_result r, struct lk_bytes output)
{
    struct query *q = arg;
    if (lk_ok(r)) {
        lk_audit_checkpoint_put(&q->checkpoint, q->checkpoint_message, output);
        query_answer(q);
        return;
    }
    if (q->front == q->keeper->fronts)
        lk_admin_refuse(q->keeper, q->request, r, NULL);
    query_free(q);
}

static void query_begin(struct lk_keeper *k, uint64_t request, struct lk_bytes message)
{
    struct query *q = calloc(1, sizeof(*q));
    enum lk_change_kind kind = 0;
    if (q == NULL || (q->arena = lk_arena_new(16u << 20)) == NULL) {
        free(q);
        lk_admin_refuse(k, request, LK_FAIL(MEMORY), NULL);
        return;
    }
    q->keeper = k;
    q->request = request;
    q->front = k->fronts;
    q->room = ROOM_FOR_ROWS;
    q->checkpoint = lk_buf(512);
    latchkey__v1__query_result__init(&q->result);
    q->result.objects = q->objects;
    q->result.records = q->records;
    lk_result r = run_query(q, message, &kind);
    if (!lk_ok(r)) {
        lk_admin_refuse(k, request, r, NULL);
        query_free(q);
        return;
    }
    if (kind == LK_QUERY_AUDIT)
        lk_token_sign(k, LK_SIGN_CHECKPOINT, LK_BYTES(q->checkpoint_message), checkpoint_signed, q);
    else
        query_answer(q);
}

static void hello_begin(struct lk_keeper *k, uint64_t request, struct lk_bytes message)
{
    LK_BUF_AUTO body = lk_buf(8192);
    struct lk_arena *arena = lk_arena_new(64u << 10);
    lk_result r = arena == NULL ? LK_FAIL(MEMORY) : hello(k, message, arena, &body);
    lk_arena_free(arena);
    if (lk_ok(r))
        lk_admin_answer(k, request, lk_buf_bytes(&body));
    else
        lk_admin_refuse(k, request, r, NULL);
}

lk_result lk_admin_frame(struct lk_keeper *k, const struct lk_frame *f)
{
    struct lk_msg_request m;
    LK_TRY(lk_msg_request_get(f->payload, &m));
    if (!k->started)
        lk_admin_refuse(k, f->request, LK_FAIL(TOKEN_AWAY), NULL);
    else if (m.deadline_mono_ms <= lk_clock_mono_ms())
        lk_admin_refuse(k, f->request, LK_FAIL(DEADLINE), NULL);
    else if (f->type == LK_F_ADMIN_HELLO)
        hello_begin(k, f->request, m.message);
    else if (f->type == LK_F_ADMIN_QUERY)
        query_begin(k, f->request, m.message);
    else
        lk_change_begin(k, f->request, &m);
    return LK_OK;
}
