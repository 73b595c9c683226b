/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-fetch: proves what this machine is to a broker, and gets its secrets (docs/guest.md). */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

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

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) != 0)
        continue;
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
static bool round_of_brokers(const struct lk_fetch_options *o, unsigned round, uint64_t deadline,
                             struct lk_fetch_outcome *outcome)
{
    bool hopeless = true; /* no address gives reason to come back */
    for (size_t i = 0; i < o->n_brokers; i++) {
        lk_fetch_attempt(o, o->brokers[i], deadline, outcome);
        if (final(o, outcome, round))
            return true;
        hopeless = hopeless && lk_fetch_retry(outcome) == LK_RETRY_OTHER;
        if (i + 1 < o->n_brokers)
            lk_say_outcome(outcome, o->brokers[i], 0);
    }
    return hopeless;
}

static int fetch(const struct lk_fetch_options *o)
{
    struct lk_fetch_outcome outcome = {0};
    uint64_t deadline = end_of_time(o);
    const char *last = o->brokers[o->n_brokers - 1];
    for (unsigned round = 0;; round++) {
        bool ended = round_of_brokers(o, round, deadline, &outcome);
        uint64_t delay = lk_fetch_delay(&outcome, round + 1, random_number());
        ended = ended || deadline - lk_clock_mono_ms() <= delay || lk_clock_mono_ms() >= deadline;
        if (outcome.cls != LK_CLASS_AFFIRMED)
            lk_say_outcome(&outcome, o->n_brokers == 1 ? last : "broker", ended ? -1 : (int64_t)delay);
        if (ended)
            return lk_fetch_exit(&outcome);
        sleep_ms(delay);
    }
}

int main(int argc, char **argv)
{
    struct lk_fetch_options options;
    int code = LK_FETCH_EXIT_INTERNAL;
    if (!lk_fetch_options_read(&options, argc, argv, &code))
        return code;
    harden();
    lk_say_setup(options.json);
    code = fetch(&options);
    lk_fetch_options_free(&options);
    return code;
}
