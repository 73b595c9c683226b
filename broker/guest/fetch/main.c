/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-fetch: proves what this machine is to a broker, and gets its secrets (docs/guest.md). */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "broker/guest/fetch/attempt.h"
#include "broker/guest/fetch/say.h"
#include "proto/base/clock.h"
#include "proto/base/secret.h"

#define LOCKED_MEMORY (1u << 20)

/* Nothing of this process reaches a core file or a debugger of the same user. */
static void harden(void)
{
    const struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    if (!lk_ok(lk_secret_setup(LOCKED_MEMORY)))
        fputs("latchkey-fetch: no locked memory: secrets may be swapped out\n", stderr);
}

static uint64_t end_of_time(const struct lk_fetch_options *o)
{
    return o->timeout_s == 0 ? UINT64_MAX : lk_clock_mono_ms() + (uint64_t)o->timeout_s * 1000;
}

static uint32_t random_number(void)
{
    uint32_t v = 0;
    (void)RAND_bytes((uint8_t *)&v, sizeof(v)); /* only spreads waiting times */
    return v;
}

/* Whether the outcome ends it all, whatever other addresses would say. */
static bool final(const struct lk_fetch_options *o, const struct lk_fetch_outcome *outcome, unsigned round)
{
    switch (lk_fetch_retry(outcome)) {
    case LK_RETRY_NEVER:
        return true;
    case LK_RETRY_LATER:
        return !o->wait_when_refused;
    case LK_RETRY_ONCE:
        return round > 0;
    case LK_RETRY_OTHER:
    case LK_RETRY_SOON:
        return false;
    }
    return true;
}

/* One attempt with each address in turn until one ends it; true when it is ended. */
static bool round_of_brokers(struct lk_delivery *d, unsigned round, uint64_t deadline, struct lk_fetch_outcome *outcome)
{
    bool hopeless = true; /* no address gives reason to come back */
    for (size_t i = 0; i < d->o->n_brokers; i++) {
        lk_fetch_attempt(d, d->o->brokers[i], deadline, outcome);
        if (final(d->o, outcome, round))
            return true;
        hopeless = hopeless && lk_fetch_retry(outcome) == LK_RETRY_OTHER;
        if (i + 1 < d->o->n_brokers)
            lk_say_outcome(outcome, d->o->brokers[i], 0);
    }
    return hopeless;
}

static int fetch(struct lk_delivery *d, uint64_t deadline)
{
    struct lk_fetch_outcome outcome = {0};
    const char *broker = d->o->n_brokers == 1 ? d->o->brokers[0] : "broker";
    for (unsigned round = 0;; round++) {
        bool ended = round_of_brokers(d, round, deadline, &outcome);
        uint64_t now = lk_clock_mono_ms(), delay = lk_fetch_delay(&outcome, round + 1, random_number());
        ended = ended || now >= deadline || deadline - now <= delay;
        if (outcome.cls != LK_CLASS_AFFIRMED)
            lk_say_outcome(&outcome, broker, ended ? -1 : (int64_t)delay);
        if (ended)
            return lk_fetch_exit(&outcome);
        lk_volumes_serve(d->volumes, now + delay, false); /* the delay, in which keys that are there are given out */
    }
}

/* The keys that arrived, to who asks; a volume that nobody asks for in time has not got its key. */
static int serve(struct lk_delivery *d, uint64_t deadline, int code)
{
    lk_volumes_give_up(d->volumes);
    lk_volumes_serve(d->volumes, deadline, true);
    const char *unasked = lk_volumes_unasked(d->volumes);
    if (unasked == NULL)
        return code;
    fprintf(stderr, "latchkey-fetch: volume %s: nobody asked for its key\n", unasked);
    return code != 0 ? code : LK_FETCH_EXIT_OUTPUT;
}

static int run(const struct lk_fetch_options *o)
{
    struct lk_delivery delivery;
    int code = LK_FETCH_EXIT_OUTPUT;
    uint64_t deadline = end_of_time(o);
    if (lk_ok(lk_delivery_begin(o, &delivery))) {
        lk_notify_ready();
        code = serve(&delivery, deadline, fetch(&delivery, deadline));
    }
    lk_delivery_end(&delivery);
    return code;
}

int main(int argc, char **argv)
{
    struct lk_fetch_options options;
    int code = LK_FETCH_EXIT_INTERNAL;
    if (!lk_fetch_options_read(&options, argc, argv, &code))
        return code;
    harden();
    lk_say_setup(options.json);
    code = run(&options);
    lk_fetch_options_free(&options);
    return code;
}
