/* SPDX-License-Identifier: Apache-2.0 */
/* From an opened store and a token to the first generation. Nothing is answered before all of it has held. */
#include "keystore/audit/audit.h"
#include "keystore/keeper/keeper.h"
#include "keystore/release/pack.h"
#include "latchkey.pb-c.h"
#include "proto/base/clock.h"
#include "proto/base/cursor.h"
#include "proto/link/descriptors.h"
#include "proto/seal/hash.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_AGAIN 75 /* EX_TEMPFAIL: the next start may do better */

/* What a start by itself never mends: someone has to look. */
static bool is_no_use(enum lk_reason_code code)
{
    static const enum lk_reason_code codes[] = {
        LK_R_STORE_DAMAGED, LK_R_STORE_FOREIGN, LK_R_STORE_ROLLED_BACK, LK_R_STORE_SCHEMA,
        LK_R_STORE_MISSING, LK_R_SANDBOX,       LK_R_CONFIG,
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i] == code)
            return true;
    return false;
}

_Noreturn void lk_keeper_fail(lk_result why, const char *what)
{
    lk_log(LK_LOG_ERROR, "keeper.fail", "code=%s what=%s remedy=%s", lk_reason(why.code)->name, lk_log_text(what),
           lk_log_text(lk_reason(why.code)->remedy));
    _exit(is_no_use(why.code) ? LK_EXIT_NO_USE : EXIT_AGAIN);
}

static void must(lk_result r, const char *what)
{
    if (!lk_ok(r))
        lk_keeper_fail(r, what);
}

/* Hash of entry i of the list, read anew from the store. */
static lk_result hash_at(struct lk_keeper *k, uint64_t index, uint8_t out[static 32])
{
    uint8_t key[8];
    struct lk_change_record r;
    LK_BUF_AUTO raw = lk_buf(LK_CHANGE_RECORD_MAX);
    lk_change_key(index, key);
    LK_TRY(lk_store_get(k->store, LK_TABLE_CHANGES, LK_BYTES(key), NULL, &raw));
    if (index == 0) {
        struct lk_cursor c = lk_cursor(lk_buf_bytes(&raw));
        return lk_genesis_hash(lk_take_u32le(&c, LK_CHANGE_RECORD_MAX), out);
    }
    LK_TRY(lk_change_record_get(lk_buf_bytes(&raw), &r));
    return lk_change_record_hash(index, &r, out);
}

/* A head of zeros is that of a token whose init ended before the store's first head was set. */
static bool head_in_list(struct lk_keeper *k, const struct lk_head *head)
{
    uint8_t hash[32];
    if (head->index == 0 && lk_bytes_zero(LK_BYTES(head->hash)))
        return true;
    return head->index >= 1 && head->index <= lk_state_head(k->state)->index &&
           lk_ok(hash_at(k, head->index - 1, hash)) &&
           lk_bytes_eq(LK_BYTES(hash), LK_BYTES(head->hash));
}

lk_result lk_start_head_is(struct lk_keeper *k, struct lk_bytes output)
{
    struct lk_head now;
    LK_TRY(lk_head_get(output, &now));
    if (!head_in_list(k, &now))
        lk_keeper_fail(LK_FAIL(STORE_ROLLED_BACK), "the token's head is not in the list");
    if (now.index > k->token_head.index) /* answers may overtake each other */
        k->token_head = now;
    return LK_OK;
}

static void head_moved(void *arg, lk_result r, struct lk_bytes output)
{
    struct lk_keeper *k = arg;
    k->head_asked = false;
    if (lk_ok(r)) /* else it is asked again */
        must(lk_start_head_is(k, output), "head");
}

void lk_start_sync_head(struct lk_keeper *k, const struct lk_head *token)
{
    const struct lk_head *own = lk_state_head(k->state);
    if (!head_in_list(k, token))
        lk_keeper_fail(LK_FAIL(STORE_ROLLED_BACK), "the token's head is not in the list");
    k->token_head = *token;
    if (token->index == own->index)
        return;
    lk_log(LK_LOG_WARN, "head.behind", "token=%llu list=%llu", (unsigned long long)token->index,
           (unsigned long long)own->index);
    LK_BUF_AUTO p = lk_buf(256);
    lk_call_head_put(&p, &(struct lk_call_head){true, *token, *own});
    k->head_asked = true;
    lk_token_call(k, LK_F_CALL_HEAD, &p, head_moved, k);
}

struct fold {
    struct lk_keeper *keeper;
    uint64_t next;
};

static lk_result fold_one(void *arg, struct lk_bytes key, uint64_t version, struct lk_bytes value, bool *stop)
{
    struct fold *f = arg;
    uint8_t expected[8];
    (void)version;
    (void)stop;
    lk_change_key(f->next, expected);
    LK_REQUIRE(lk_bytes_eq(key, LK_BYTES(expected)), STORE_DAMAGED);
    if (f->next++ > 0)
        return lk_state_apply(f->keeper->state, value);
    struct lk_cursor c = lk_cursor(value);
    struct lk_bytes genesis = lk_take_u32le(&c, LK_CHANGE_RECORD_MAX);
    (void)lk_take_u32le(&c, 256); /* the token's signature: for auditors */
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), STORE_DAMAGED);
    return lk_state_genesis(f->keeper->state, genesis);
}

static lk_result load(struct lk_keeper *k)
{
    struct fold f = {k, 0};
    struct lk_merkle tree;
    LK_TRY(lk_store_each(k->store, LK_TABLE_CHANGES, LK_BYTES_NONE, fold_one, &f));
    LK_REQUIRE(f.next > 0, STORE_DAMAGED);
    LK_REQUIRE(lk_bytes_eq(lk_bytes(lk_state_installation_id(k->state), 32), LK_BYTES(k->header.installation_id)),
               STORE_FOREIGN);
    LK_TRY(lk_audit_tree(k->store, &tree));
    LK_TRY(lk_audit_verify(k->store));
    return lk_budget_load(k->budget, k->store);
}

static void record_start(struct lk_keeper *k)
{
    LK_BUF_AUTO record = lk_buf(1024);
    Latchkey__V1__AuditRecord a = LATCHKEY__V1__AUDIT_RECORD__INIT;
    a.time = lk_clock_wall();
    a.kind = (char *)(uintptr_t)"start";
    a.class_ = (char *)(uintptr_t)"affirmed";
    a.code = (char *)(uintptr_t)"OK";
    if (lk_ok(lk_pack(&record, &a.base)))
        lk_trail_append(k, &record);
}

static void begin_serving(struct lk_keeper *k)
{
    k->started = true;
    record_start(k);
    must(lk_generation_begin(k, NULL), "snapshot");
    lk_log(LK_LOG_INFO, "keeper.started", "changes=%llu secrets=%zu policies=%zu",
           (unsigned long long)lk_state_head(k->state)->index, lk_state_count(k->state, LK_OBJECT_SECRET),
           lk_state_count(k->state, LK_OBJECT_POLICY));
}

static void import_key_signed(void *arg, lk_result r, struct lk_bytes output)
{
    struct lk_keeper *k = arg;
    must(r, "certify the import key");
    lk_put(&k->import_certification, output);
    begin_serving(k);
}

static void answer_key_signed(void *arg, lk_result r, struct lk_bytes output)
{
    struct lk_keeper *k = arg;
    must(r, "certify the answer key");
    lk_put(&k->certification, output);
    LK_BUF_AUTO message = lk_buf(LK_SIGN_MAX);
    lk_import_key_message(&message, LK_BYTES(k->header.installation_id), lk_buf_bytes(&k->import_key));
    lk_token_sign(k, LK_SIGN_IMPORT_KEY, lk_buf_bytes(&message), import_key_signed, k);
}

static void unwrapped(void *arg, lk_result r, struct lk_bytes output)
{
    struct lk_keeper *k = arg;
    must(r, "unwrap the store's MAC key");
    must(lk_store_unlock(k->store, output), "the store's MAC key");
    must(load(k), "read the store");
    k->writer = lk_writer_start(k->store);
    if (k->writer == NULL)
        lk_keeper_fail(LK_FAIL(MEMORY), "writer");
    k->written = event_new(k->base, lk_writer_fd(k->writer), EV_READ | EV_PERSIST, lk_keeper_written, k);
    if (k->written == NULL || event_add(k->written, NULL) != 0)
        lk_keeper_fail(LK_FAIL(MEMORY), "writer");
    lk_start_sync_head(k, &k->token_head);
    LK_BUF_AUTO message = lk_buf(LK_SIGN_MAX);
    lk_answer_key_message(&message, LK_BYTES(k->start_id), lk_buf_bytes(&k->answer_spki));
    lk_token_sign(k, LK_SIGN_ANSWER_KEY, lk_buf_bytes(&message), answer_key_signed, k);
}

static lk_result make_keys(struct lk_keeper *k)
{
    LK_TRY(lk_secret_new(&k->keys, 64));
    LK_REQUIRE(RAND_priv_bytes(k->keys.data, 64) == 1 && RAND_bytes(k->start_id, 16) == 1, CRYPTO);
    return lk_answer_key_new(&k->answer_key, &k->answer_spki);
}

void lk_start_with_token(struct lk_keeper *k, const struct lk_token_info *info)
{
    if (!lk_bytes_eq(LK_BYTES(info->installation_id), LK_BYTES(k->header.installation_id)))
        lk_keeper_fail(LK_FAIL(STORE_FOREIGN), "the token's installation id is another");
    if (k->answer_key != NULL) /* a token that died during the start: begin anew */
        lk_keeper_fail(LK_FAIL(TOKEN_AWAY), "the token was replaced during the start");
    must(make_keys(k), "keys of this start");
    must(lk_broker_id(info->installation_key, k->broker_id), "broker id");
    lk_put(&k->installation_key, info->installation_key);
    lk_put(&k->import_key, info->import_key);
    k->import_suite = info->import_suite;
    memcpy(k->suites, info->suites, sizeof(k->suites));
    k->token_head = info->head;
    LK_BUF_AUTO p = lk_buf(lk_frame_max(LK_F_CALL_UNWRAP));
    lk_call_unwrap_put(&p, &(struct lk_call_unwrap){lk_bytes(k->header.wrapped_key, k->header.wrapped_key_len)});
    lk_token_call(k, LK_F_CALL_UNWRAP, &p, unwrapped, k);
}
