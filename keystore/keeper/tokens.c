/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the token process: any number under way, each with a deadline. */
#include "keystore/keeper/keeper.h"
#include "proto/base/clock.h"

#include <stdlib.h>
#include <string.h>

struct lk_token_call_state {
    uint64_t id, deadline;
    lk_token_fn done;
    void *arg;
    struct lk_token_call_state *next;
};

static void finish(struct lk_token_call_state *c, lk_result r, struct lk_bytes output)
{
    c->done(c->arg, r, output);
    free(c);
}

static void fail_calls(struct lk_keeper *k)
{
    struct lk_token_call_state *all = k->calls;
    k->calls = NULL;
    k->last_call = &k->calls;
    for (struct lk_token_call_state *next; all != NULL; all = next) {
        next = all->next;
        finish(all, LK_FAIL(TOKEN_AWAY), LK_BYTES_NONE);
    }
}

static struct lk_token_call_state *take_call(struct lk_keeper *k, uint64_t id)
{
    for (struct lk_token_call_state **at = &k->calls; *at != NULL; at = &(*at)->next) {
        struct lk_token_call_state *c = *at;
        if (c->id != id)
            continue;
        *at = c->next;
        if (c->next == NULL)
            k->last_call = at;
        return c;
    }
    return NULL;
}

static void on_end(void *arg, lk_result why)
{
    struct lk_keeper *k = arg;
    lk_log(LK_LOG_WARN, "token.away", "code=%s", lk_reason(why.code)->name);
    if (why.code == LK_R_FRAME_FORBIDDEN)
        lk_ring_fatal(k, LK_LINK_TOKEN_KEEPER, 0, "forbidden frame");
    lk_port_close(k->token);
    k->token = NULL;
    k->token_ready = false;
    fail_calls(k);
}

static lk_result on_ready(struct lk_keeper *k, struct lk_bytes payload)
{
    struct lk_token_info info;
    LK_REQUIRE(!k->token_ready, FRAME_FORBIDDEN);
    LK_TRY(lk_token_info_get(payload, &info));
    k->token_ready = true;
    lk_log(LK_LOG_INFO, "token.ready", "head=%llu", (unsigned long long)info.head.index);
    if (!k->started) {
        lk_start_with_token(k, &info);
        return LK_OK;
    }
    if (!lk_bytes_eq(LK_BYTES(info.installation_id), LK_BYTES(k->header.installation_id)))
        lk_keeper_fail(LK_FAIL(STORE_FOREIGN), "another token");
    lk_start_sync_head(k, &info.head);
    return LK_OK;
}

static lk_result on_frame(void *arg, const struct lk_frame *f)
{
    struct lk_keeper *k = arg;
    lk_result r;
    struct lk_bytes output;
    if (f->type == LK_F_TOKEN_READY)
        return on_ready(k, f->payload);
    LK_TRY(lk_call_result_get(f->payload, &r, &output));
    struct lk_token_call_state *c = take_call(k, f->request);
    LK_REQUIRE(c != NULL, FRAME_FORBIDDEN);
    finish(c, r, output);
    return LK_OK;
}

void lk_token_attach(struct lk_keeper *k, int fd)
{
    lk_port_close(k->token);
    k->token_ready = false;
    k->token = lk_port_open(k->base, fd, LK_LINK_TOKEN_KEEPER, on_frame, on_end, k);
    fail_calls(k);
}

void lk_token_call(struct lk_keeper *k, uint16_t type, const struct lk_buf *payload, lk_token_fn done, void *arg)
{
    struct lk_token_call_state *c = calloc(1, sizeof(*c));
    if (c == NULL || !lk_ok(lk_buf_ok(payload)) || k->token == NULL || !k->token_ready) {
        free(c);
        done(arg, LK_FAIL(TOKEN_AWAY), LK_BYTES_NONE);
        return;
    }
    *c = (struct lk_token_call_state){.id = ++k->next_call, .done = done, .arg = arg};
    c->deadline = lk_clock_mono_ms() + k->token_timeout_ms;
    *k->last_call = c;
    k->last_call = &c->next;
    lk_port_send(k->token, type, c->id, lk_buf_bytes(payload));
}

void lk_token_sign(struct lk_keeper *k, enum lk_sign_domain domain, struct lk_bytes message, lk_token_fn done, void *arg)
{
    LK_BUF_AUTO p = lk_buf(lk_frame_max(LK_F_CALL_SIGN));
    lk_call_sign_put(&p, &(struct lk_call_sign){domain, message});
    lk_token_call(k, LK_F_CALL_SIGN, &p, done, arg);
}

/* Calls are in order of their deadlines: the first tells. */
void lk_token_check_time(struct lk_keeper *k)
{
    if (k->calls == NULL || k->calls->deadline > lk_clock_mono_ms())
        return;
    lk_log(LK_LOG_ERROR, "token.hung", "calls_from=%llu", (unsigned long long)k->calls->id);
    lk_port_send(k->control, LK_F_CTL_TOKEN_HUNG, 0, LK_BYTES_NONE);
    on_end(k, LK_FAIL(TOKEN_AWAY));
}
