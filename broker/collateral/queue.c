/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/collateral/queue.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proto/base/clock.h"

#define POLL_MAX_MS 1000u

/* One service. */
struct lane {
    struct lk_transfer *transfer;
    struct lk_queue_item *asked; /* what is under way; NULL: nothing */
    uint64_t not_before;         /* no request sooner */
    uint32_t busy;               /* such answers in a row */
    uint32_t silent;             /* requests without any answer in a row */
};

struct run {
    struct lk_queue *q;
    CURLM *multi;
    struct lane lanes[LK_VENDORS];
    uint64_t deadline;
};

static uint32_t chance(void)
{
    uint32_t v = 0;
    return getrandom(&v, sizeof(v), 0) == (ssize_t)sizeof(v) ? v : 0;
}

static void settle(struct run *run, struct lk_queue_item *item, lk_result result)
{
    item->result = result;
    item->settled = true;
    run->q->calls.settled(run->q->calls.context, item);
}

/* Nothing more is asked of this service. */
static void give_up(struct run *run, enum lk_vendor v, lk_result result, const char *detail)
{
    for (size_t i = 0; i < run->q->n; i++) {
        struct lk_queue_item *item = &run->q->items[i];
        if (item->settled || item->want.vendor != v)
            continue;
        snprintf(item->detail, sizeof(item->detail), "%s", detail);
        settle(run, item, result);
    }
}

static void wait_item(struct run *run, struct lk_queue_item *item)
{
    if (item->tries >= run->q->pace.tries) {
        settle(run, item, item->result);
        return;
    }
    uint32_t wait = lk_pace_backoff(&run->q->pace, item->tries, chance());
    item->not_before = lk_clock_mono_ms() + wait;
    run->q->calls.again(run->q->calls.context, item, false, wait);
}

/* The whole service rests, as it asks to, or longer from time to time. */
static void pause_lane(struct run *run, struct lane *lane, struct lk_queue_item *item, uint32_t failures, int64_t asked)
{
    uint64_t wait = asked > 0 ? lk_pace_after(asked, chance()) : lk_pace_backoff(&run->q->pace, failures, chance());
    char detail[96] = "";
    uint64_t now = lk_clock_mono_ms();
    if (now + wait >= run->deadline) {
        if (asked > 0)
            snprintf(detail, sizeof(detail), "the service wants %lld s of rest, which is past the end of this run", (long long)asked);
        give_up(run, item->want.vendor, item->result, detail);
        return;
    }
    lane->not_before = now + wait;
    run->q->calls.again(run->q->calls.context, item, true, wait);
}

static void busy(struct run *run, struct lane *lane, struct lk_queue_item *item, const struct lk_got *got)
{
    lane->busy++;
    if (item->tries >= run->q->pace.tries)
        settle(run, item, item->result);
    pause_lane(run, lane, item, lane->busy, got->retry_after);
}

/* No answer at all: a service that is not there, or hangs, is not asked for every item in turn. */
static void silent(struct run *run, struct lane *lane, struct lk_queue_item *item, const struct lk_got *got)
{
    lane->silent++;
    if (lane->silent >= run->q->pace.tries)
        give_up(run, item->want.vendor, item->result, got->detail);
    else if (got->result.code == LK_R_VENDOR_UNREACHABLE)
        pause_lane(run, lane, item, lane->silent, 0);
    else
        wait_item(run, item);
}

/* What of the answer is kept for this item, and whether it has the shape. */
static lk_result digest(const struct lk_queue_item *item, const struct lk_got *got, struct lk_buf *out)
{
    if (!item->want.chain_only)
        return lk_answer_body(item->want.form, got->body, out);
    LK_REQUIRE(got->chain.data != NULL, VENDOR_ANSWER);
    return lk_answer_chain(got->chain, out);
}

/* A 200 for this item: kept and settled, or to be tried again when half of it is there. */
static void take(struct run *run, struct lk_queue_item *item, const struct lk_got *got)
{
    LK_BUF_AUTO kept = lk_buf(2 * LK_ANSWER_MAX);
    item->result = digest(item, got, &kept);
    if (lk_ok(item->result)) {
        settle(run, item, run->q->calls.keep(run->q->calls.context, item, lk_buf_bytes(&kept)));
        return;
    }
    if (item->want.chain_only && got->chain.data == NULL)
        snprintf(item->detail, sizeof(item->detail), "the answer has no issuer chain in its header");
    else
        lk_answer_excerpt(item->want.chain_only ? got->chain : got->body, item->detail);
    if (lk_transfer_may_retry(item->result))
        wait_item(run, item);
    else
        settle(run, item, item->result);
}

static void final(struct run *run, struct lk_queue_item *item)
{
    if (item->result.code == LK_R_VENDOR_NOT_FOUND && item->url + 1 < item->want.n_urls) {
        item->url++;
        item->tries = 0;
        return;
    }
    settle(run, item, item->result);
}

static void judge(struct run *run, struct lane *lane, struct lk_queue_item *item, const struct lk_got *got)
{
    item->result = got->result;
    item->status = got->status;
    item->tries += got->result.code == LK_R_VENDOR_UNREACHABLE ? 0 : 1; /* that the service is not there is the lane's to count */
    snprintf(item->detail, sizeof(item->detail), "%s", got->detail);
    if (got->result.code == LK_R_VENDOR_BUSY)
        busy(run, lane, item, got);
    else if (got->status == 0 && lk_transfer_may_retry(got->result))
        silent(run, lane, item, got);
    else if (lk_ok(got->result))
        take(run, item, got);
    else if (lk_transfer_may_retry(got->result))
        wait_item(run, item);
    else
        final(run, item);
}

/* The answer serves the item: it is what the item would ask for, or brings the chain that the item is. */
static bool serves(const struct lk_want *asked, const char *url, const struct lk_got *got, const struct lk_queue_item *item)
{
    if (item->settled || item->want.vendor != asked->vendor)
        return false;
    if (item->want.chain_only && got->chain.data != NULL && asked->chain != NULL && strcmp(asked->chain, item->want.name) == 0)
        return true;
    return strcmp(item->want.url[item->url], url) == 0;
}

/* The other items that this answer serves. */
static void share(struct run *run, struct lane *lane, const struct lk_want *asked, const char *url, const struct lk_got *got)
{
    for (size_t i = 0; i < run->q->n; i++)
        if (&run->q->items[i].want != asked && serves(asked, url, got, &run->q->items[i]))
            judge(run, lane, &run->q->items[i], got);
}

static void ended(struct run *run, struct lane *lane, CURLcode code)
{
    struct lk_queue_item *item = lane->asked;
    struct lk_got got;
    char url[LK_WANT_URL_MAX];
    snprintf(url, sizeof(url), "%s", item->want.url[item->url]);
    lk_transfer_end(lane->transfer, run->multi, code, &got);
    lane->asked = NULL;
    lane->not_before = lk_clock_mono_ms() + run->q->pace.gap;
    if (got.status != 0) {
        run->q->answered = true;
        lane->silent = 0;
    }
    if (got.result.code != LK_R_VENDOR_BUSY)
        lane->busy = 0;
    judge(run, lane, item, &got);
    if (!lk_transfer_may_retry(got.result))
        share(run, lane, &item->want, url, &got);
}

static void take_ended(struct run *run)
{
    int left = 0;
    for (CURLMsg *m; (m = curl_multi_info_read(run->multi, &left)) != NULL;) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURL *curl = m->easy_handle;
        CURLcode code = m->data.result; /* m is gone once the handle is taken out */
        for (int v = 0; v < LK_VENDORS; v++)
            if (run->lanes[v].asked != NULL && lk_transfer_handle(run->lanes[v].transfer) == curl)
                ended(run, &run->lanes[v], code);
    }
}

/* Chains last: they come with the others. */
static bool sooner(const struct lk_queue_item *a, const struct lk_queue_item *b)
{
    return a->not_before < b->not_before || (a->not_before == b->not_before && b->want.chain_only && !a->want.chain_only);
}

/* The item of this service whose turn is first; NULL when all are settled. */
static struct lk_queue_item *next_of(struct run *run, enum lk_vendor v)
{
    struct lk_queue_item *first = NULL;
    for (size_t i = 0; i < run->q->n; i++) {
        struct lk_queue_item *item = &run->q->items[i];
        if (!item->settled && item->want.vendor == v && (first == NULL || sooner(item, first)))
            first = item;
    }
    return first;
}

/* Starts what may start; *left: something is not settled; *wait: until when nothing else does. */
static lk_result start(struct run *run, bool *left, uint64_t *wait)
{
    uint64_t now = lk_clock_mono_ms();
    *left = false;
    *wait = POLL_MAX_MS;
    for (int v = 0; v < LK_VENDORS; v++) {
        struct lane *lane = &run->lanes[v];
        struct lk_queue_item *item = next_of(run, (enum lk_vendor)v);
        if (item == NULL)
            continue;
        *left = true;
        uint64_t at = item->not_before > lane->not_before ? item->not_before : lane->not_before;
        if (lane->asked == NULL && at <= now) {
            LK_TRY(lk_transfer_begin(lane->transfer, run->multi, item->want.url[item->url], run->deadline - now));
            lane->asked = item;
        } else if (lane->asked == NULL && at - now < *wait) {
            *wait = at - now;
        }
    }
    return LK_OK;
}

static void time_up(struct run *run)
{
    for (int v = 0; v < LK_VENDORS; v++) {
        if (run->lanes[v].asked != NULL)
            curl_multi_remove_handle(run->multi, lk_transfer_handle(run->lanes[v].transfer));
        run->lanes[v].asked = NULL;
        give_up(run, (enum lk_vendor)v, LK_FAIL(VENDOR_TIME_UP), "");
    }
}

static lk_result turn(struct run *run, bool *left)
{
    int running = 0;
    uint64_t wait = 0, now = lk_clock_mono_ms();
    if (now >= run->deadline) {
        time_up(run);
        *left = false;
        return LK_OK;
    }
    LK_TRY(start(run, left, &wait));
    if (wait > run->deadline - now)
        wait = run->deadline - now;
    LK_REQUIRE(curl_multi_perform(run->multi, &running) == CURLM_OK, INTERNAL);
    take_ended(run);
    if (*left)
        LK_REQUIRE(curl_multi_poll(run->multi, NULL, 0, (int)wait, NULL) == CURLM_OK, INTERNAL);
    return LK_OK;
}

static lk_result drive(struct run *run)
{
    for (bool left = true; left;)
        LK_TRY(turn(run, &left));
    return LK_OK;
}

static lk_result open_lanes(struct run *run)
{
    run->multi = curl_multi_init();
    LK_REQUIRE(run->multi != NULL, MEMORY);
    for (int v = 0; v < LK_VENDORS; v++)
        LK_TRY(lk_transfer_new(&run->q->pace, run->q->ca[v], &run->lanes[v].transfer));
    return LK_OK;
}

lk_result lk_queue_run(struct lk_queue *q)
{
    struct run run = {.q = q, .deadline = lk_clock_mono_ms() + q->pace.total};
    lk_result r = open_lanes(&run);
    if (lk_ok(r))
        r = drive(&run);
    for (int v = 0; v < LK_VENDORS; v++) {
        if (run.lanes[v].asked != NULL)
            curl_multi_remove_handle(run.multi, lk_transfer_handle(run.lanes[v].transfer));
        lk_transfer_free(run.lanes[v].transfer);
    }
    curl_multi_cleanup(run.multi);
    return r;
}
