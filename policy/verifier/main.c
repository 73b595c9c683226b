/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-verifier: judges one request after the other, and can do nothing else. docs/privilege-separation.md */
#include "policy/verifier/profile.h"
#include "policy/verifier/request.h"
#include "policy/verifier/warm.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/link/frame.h"
#include "proto/link/settings.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    struct lk_snapshot snapshot;
    struct lk_judge_with with;
    struct lk_arena *arena;
    struct lk_verdict verdict;
    uint8_t request[LK_BUNDLE_MAX + 256];
} worker;

static _Noreturn void stop(const char *step, lk_result r)
{
    lk_log(LK_LOG_ERROR, "worker.stopped", "step=%s code=%s", step, lk_reason(r.code)->name);
    _exit(1);
}

/* ---- before the sandbox ---- */

static void tell_failed(lk_result r, const char *why)
{
    LK_BUF_AUTO b = lk_buf(512);
    lk_msg_text_put(&b, (uint64_t)r.code, why);
    lk_result sent = lk_frame_send(LK_FD_VERIFIER_VERDICTS, LK_F_WORKER_FAILED, 0, lk_buf_bytes(&b));
    lk_log(LK_LOG_ERROR, "worker.snapshot", "code=%s sent=%s why=%s", lk_reason(r.code)->name, lk_reason(sent.code)->name,
           lk_log_text(why));
}

static lk_result tell_ready(void)
{
    struct lk_msg_ready ready = {.generation = worker.snapshot.head.generation};
    struct lk_bytes map = worker.snapshot.map;
    LK_REQUIRE(EVP_Digest(map.data, map.len, ready.snapshot, NULL, EVP_sha256(), NULL) == 1, CRYPTO);
    LK_BUF_AUTO b = lk_buf(64);
    lk_msg_ready_put(&b, &ready);
    lk_log(LK_LOG_INFO, "worker.ready", "generation=%" PRIu64, ready.generation);
    return lk_frame_send(LK_FD_VERIFIER_VERDICTS, LK_F_WORKER_READY, 0, lk_buf_bytes(&b));
}

static lk_result load(void)
{
    char why[480] = "the snapshot's layout";
    lk_result r = lk_snapshot_map(LK_FD_VERIFIER_SNAPSHOT, &worker.snapshot);
    close(LK_FD_VERIFIER_SNAPSHOT);
    if (lk_ok(r))
        r = lk_judge_with_load(&worker.snapshot, &worker.with, why, sizeof(why));
    if (!lk_ok(r))
        tell_failed(r, why);
    return r;
}

/* ---- one request ---- */

static lk_result send_verdict(uint64_t request, bool appraise, struct lk_bytes payload)
{
    LK_TRY(lk_verifier_judge(&worker.with, worker.arena, appraise, payload, lk_clock_wall(), lk_clock_mono_ms(),
                             &worker.verdict));
    LK_BUF_AUTO b = lk_buf(48u << 10);
    lk_verdict_put(&b, &worker.verdict);
    LK_TRY(lk_buf_ok(&b));
    return lk_frame_send(LK_FD_VERIFIER_VERDICTS, LK_F_VERDICT, request, lk_buf_bytes(&b));
}

static lk_result send_challenge(uint64_t request, struct lk_bytes payload)
{
    struct lk_challenge_frame c;
    LK_TRY(lk_verifier_challenge(&worker.with, worker.arena, payload, lk_clock_mono_ms(), &c));
    LK_BUF_AUTO b = lk_buf(16u << 10);
    lk_challenge_frame_put(&b, &c);
    LK_TRY(lk_buf_ok(&b));
    return lk_frame_send(LK_FD_VERIFIER_VERDICTS, LK_F_CHALLENGE, request, lk_buf_bytes(&b));
}

static lk_result send_collateral(uint64_t request, struct lk_bytes payload)
{
    struct lk_collateral_frame f;
    LK_TRY(lk_verifier_collateral(&worker.with, worker.arena, payload, lk_clock_wall(), lk_clock_mono_ms(), &f));
    LK_BUF_AUTO b = lk_buf(LK_COLLATERAL_FRAME_MAX);
    lk_collateral_frame_put(&b, &f);
    if (!lk_ok(lk_buf_ok(&b))) { /* chains that share their root grow: the uploader is to send less at once */
        lk_buf_free(&b);
        b = lk_buf(LK_COLLATERAL_FRAME_MAX);
        f.failed = LK_R_REQUEST_LIMIT;
        f.n = 0;
        lk_collateral_frame_put(&b, &f);
        LK_TRY(lk_buf_ok(&b));
    }
    return lk_frame_send(LK_FD_VERIFIER_VERDICTS, LK_F_COLLATERAL, request, lk_buf_bytes(&b));
}

static lk_result send_collateral_ask(uint64_t request, struct lk_bytes payload)
{
    struct lk_collateral_ask a;
    LK_TRY(lk_verifier_collateral_ask(&worker.with, worker.arena, payload, lk_clock_mono_ms(), &a));
    LK_BUF_AUTO b = lk_buf(512);
    lk_collateral_ask_put(&b, &a);
    LK_TRY(lk_buf_ok(&b));
    return lk_frame_send(LK_FD_VERIFIER_VERDICTS, LK_F_COLLATERAL_STATUS, request, lk_buf_bytes(&b));
}

static lk_result send_release(uint64_t request, struct lk_bytes payload)
{
    return send_verdict(request, false, payload);
}

static lk_result send_appraisal(uint64_t request, struct lk_bytes payload)
{
    return send_verdict(request, true, payload);
}

static const struct {
    uint16_t type;
    lk_result (*serve)(uint64_t request, struct lk_bytes payload);
} requests[] = {
    {LK_F_REQ_CHALLENGE, send_challenge},
    {LK_F_REQ_RELEASE, send_release},
    {LK_F_REQ_APPRAISE, send_appraisal},
    {LK_F_REQ_COLLATERAL, send_collateral},
    {LK_F_REQ_COLLATERAL_STATUS, send_collateral_ask},
};

static lk_result serve(const struct lk_frame *f)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (requests[i].type == f->type)
            return requests[i].serve(f->request, f->payload);
    return LK_FAIL(FRAME_FORBIDDEN);
}

static lk_result serve_one(void)
{
    struct lk_frame f;
    LK_TRY(lk_frame_recv(LK_FD_VERIFIER_REQUESTS, LK_LINK_FRONT_WORKER, worker.request, sizeof(worker.request), &f));
    lk_result r = serve(&f);
    /* Nothing of one guest is there when the next one's bytes are parsed. */
    lk_arena_reset(worker.arena);
    OPENSSL_cleanse(worker.request, f.payload.len);
    OPENSSL_cleanse(&worker.verdict, sizeof(worker.verdict));
    return r;
}

static lk_result set_up(void)
{
    struct lk_settings settings;
    LK_TRY(lk_settings_read(LK_FD_SETTINGS, &settings));
    bool strict = lk_settings_strict(&settings);
    lk_log_setup("verifier", lk_settings_log_level(&settings));
    lk_settings_free(&settings);
    LK_TRY(lk_sandbox_begin(&lk_verifier_profile, strict));
    LK_TRY(lk_verifier_warm());
    LK_TRY(load());
    worker.arena = lk_arena_new(LK_VERIFIER_ARENA);
    LK_REQUIRE(worker.arena != NULL, MEMORY);
    LK_TRY(lk_sandbox_enter(&lk_verifier_profile, strict));
    return tell_ready();
}

int main(int argc, char **argv)
{
    if (argc != 1) {
        bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
        fputs("latchkey-verifier is started by latchkeyd, and takes no arguments\n", help ? stdout : stderr);
        return help ? 0 : 64;
    }
    lk_result r = set_up();
    if (!lk_ok(r))
        stop("start", r);
    while (lk_ok(r))
        r = serve_one();
    if (r.code != LK_R_FRAME_CLOSED)
        stop("serve", r);
    _exit(0); /* the front let go: retired, or its number of requests served */
}
