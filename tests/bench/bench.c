/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latchkey-bench: many guests against one broker on this machine, and the bare cost of their signatures.
 * It prints JSON; tests/bench/run.py starts the broker, reads its processes' CPU time and sets both in relation.
 */
#include "proto/base/clock.h"
#include "proto/grpc/client/client.h"
#include "proto/seal/ticket.h"
#include "tests/bench/evidence.h"
#include "tests/bench/floor.h"
#include "tests/bench/logs.h"

#include <getopt.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static const char usage[] =
    "usage: latchkey-bench floor --dir SNP-FOLDER\n"
    "       latchkey-bench logs --count ENTRIES\n"
    "       latchkey-bench prepare-tpm --dir FOLDER\n"
    "       latchkey-bench guests --family sev-snp|tpm|tdx --dir FOLDER --broker HOST:PORT --broker-id HEX --secret NAME\n"
    "                             [--threads N] [--count N] [--rate PER-SECOND] [--new-connections] [--cold]\n"
    "                             [--log BYTES: each bundle also has an event log of that size, and is refused for it]\n";

struct job {
    const char *family, *dir, *address, *secret;
    uint8_t broker_id[32];
    long count, threads;
    double rate; /* requests begin at this pace; 0: as fast as answers come */
    bool new_connections, cold;
    size_t log; /* bytes of a log that each bundle has, too; 0: none */
    struct bench_maker maker;
    struct lk_buf recipient; /* SPKI of an X25519 key */
    atomic_long next, failed;
    double *latency_ms; /* of request i, from when it was due */
    double start;
    char first_error[256];
};

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct lk_bytes pack(const ProtobufCMessage *m, struct lk_buf *out)
{
    *out = lk_buf(4u << 20);
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *at = lk_put_room(out, n);
    if (at != NULL)
        protobuf_c_message_pack(m, at);
    return lk_buf_bytes(out);
}

static bool call(struct lk_grpc_client *c, const char *method, const ProtobufCMessage *m, struct lk_grpc_reply *reply)
{
    struct lk_buf request;
    struct lk_bytes bytes = pack(m, &request);
    lk_result r = lk_grpc_call(c, method, bytes, lk_clock_mono_ms() + PATIENCE_MS, reply);
    lk_buf_free(&request);
    if (!lk_ok(r))
        snprintf(reply->message, sizeof(reply->message), "%s", lk_reason(r.code)->name);
    return lk_ok(r) && reply->status == 0;
}

static struct lk_bytes statement(const struct job *j, struct lk_buf *out)
{
    Latchkey__V1__SecretRef ref = LATCHKEY__V1__SECRET_REF__INIT, *refs[] = {&ref};
    ref.name = (char *)(uintptr_t)j->secret;
    Latchkey__V1__Statement s = LATCHKEY__V1__STATEMENT__INIT;
    s.purpose = LATCHKEY__V1__STATEMENT__PURPOSE__RELEASE;
    s.broker_id = (ProtobufCBinaryData){32, (uint8_t *)(uintptr_t)j->broker_id};
    s.recipient_key = (ProtobufCBinaryData){j->recipient.len, j->recipient.data};
    s.suite = (char *)(uintptr_t)"hpke-x25519-sha256-aes256gcm";
    s.n_secrets = 1;
    s.secrets = refs;
    return pack(&s.base, out);
}

static bool release(const struct job *j, struct lk_grpc_client *c, struct lk_bytes ticket, struct lk_grpc_reply *reply)
{
    struct lk_buf text;
    struct lk_bytes said = statement(j, &text);
    uint8_t binding[64];
    if (!lk_ok(lk_binding(ticket, lk_bytes("", 0), said, binding)))
        return false;
    struct bench_item item;
    bench_item_make(&j->maker, binding, &item);
    Latchkey__V1__EvidencePart part = LATCHKEY__V1__EVIDENCE_PART__INIT, *parts[] = {&part};
    Latchkey__V1__EvidenceItem log = LATCHKEY__V1__EVIDENCE_ITEM__INIT, *items[] = {&item.item, &log};
    uint8_t *bytes = calloc(1, j->log + 1);
    if (bytes == NULL)
        return false;
    log.family = (char *)(uintptr_t)"eventlog";
    log.parts = parts;
    log.n_parts = 1;
    part.name = (char *)(uintptr_t)"log";
    part.data = (ProtobufCBinaryData){j->log, bytes};
    Latchkey__V1__ReleaseRequest r = LATCHKEY__V1__RELEASE_REQUEST__INIT;
    r.ticket = (ProtobufCBinaryData){ticket.len, (uint8_t *)(uintptr_t)ticket.data};
    r.statement = (ProtobufCBinaryData){said.len, (uint8_t *)(uintptr_t)said.data};
    r.n_items = j->log > 0 ? 2 : 1;
    r.items = items;
    bool ok = call(c, "/latchkey.v1.KeyRelease/Release", &r.base, reply);
    bench_item_free(&item);
    lk_buf_free(&text);
    free(bytes);
    return ok;
}

static bool one_guest(struct job *j, struct lk_grpc_client *c)
{
    LK_GRPC_REPLY_AUTO challenge = {0}, answer = {0};
    char *names[] = {(char *)(uintptr_t)j->secret};
    Latchkey__V1__ChallengeRequest q = LATCHKEY__V1__CHALLENGE_REQUEST__INIT;
    q.n_secrets = 1;
    q.secrets = names;
    bool ok = call(c, "/latchkey.v1.KeyRelease/GetChallenge", &q.base, &challenge);
    if (ok) {
        Latchkey__V1__ChallengeResponse *got =
            latchkey__v1__challenge_response__unpack(NULL, challenge.body.len, challenge.body.data);
        ok = got != NULL && release(j, c, lk_bytes(got->ticket.data, got->ticket.len), &answer);
        if (got != NULL)
            latchkey__v1__challenge_response__free_unpacked(got, NULL);
    }
    if (!ok && atomic_fetch_add(&j->failed, 1) == 0)
        snprintf(j->first_error, sizeof(j->first_error), "%.100s / %.100s", challenge.message, answer.message);
    return ok;
}

static bool dial(const struct job *j, struct lk_grpc_client **c)
{
    struct lk_dial d = {.address = j->address};
    return lk_ok(lk_grpc_open(&d, lk_clock_mono_ms() + PATIENCE_MS, c));
}

/* Waits until request i is due and returns that time, so that a late start counts as latency. */
static double wait_due(const struct job *j, long i)
{
    if (j->rate <= 0)
        return now();
    double due = j->start + (double)i / j->rate, left = due - now();
    if (left > 0)
        nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)}, NULL);
    return due;
}

static void *guest_thread(void *arg)
{
    struct job *j = arg;
    struct lk_grpc_client *c = NULL;
    for (long i = atomic_fetch_add(&j->next, 1); i < j->count; i = atomic_fetch_add(&j->next, 1)) {
        double due = wait_due(j, i);
        if (c == NULL && !dial(j, &c)) {
            atomic_fetch_add(&j->failed, 1);
            j->latency_ms[i] = (now() - due) * 1e3;
            continue;
        }
        bool ok = one_guest(j, c);
        j->latency_ms[i] = (now() - due) * 1e3;
        if (j->new_connections || !ok) {
            lk_grpc_close(c);
            c = NULL;
        }
    }
    lk_grpc_close(c);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void make_recipient(struct job *j)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    j->recipient = lk_buf(256);
    lk_put(&j->recipient, lk_bytes(der, (size_t)n));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static int run_guests(struct job *j)
{
    pthread_t threads[1024];
    bench_load(&j->maker, j->family, j->dir, j->cold);
    make_recipient(j);
    j->latency_ms = calloc((size_t)j->count, sizeof(double));
    long n = 0;
    j->start = now();
    while (n < j->threads && pthread_create(&threads[n], NULL, guest_thread, j) == 0)
        n++;
    for (long i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    double seconds = now() - j->start;
    qsort(j->latency_ms, (size_t)j->count, sizeof(double), by_value);
    printf("{\"count\": %ld, \"failed\": %ld, \"seconds\": %.3f, \"per_second\": %.1f, \"p50_ms\": %.2f, "
           "\"p99_ms\": %.2f, \"max_ms\": %.2f, \"first_error\": \"%s\"}\n",
           j->count, atomic_load(&j->failed), seconds, (double)j->count / seconds, j->latency_ms[j->count / 2],
           j->latency_ms[j->count * 99 / 100], j->latency_ms[j->count - 1], j->first_error);
    free(j->latency_ms);
    return 0;
}

static int run_floor(const char *dir)
{
    struct bench_floor f = bench_floor(dir);
    printf("{\"p384_verify_s\": %.9f, \"rsa2048_verify_s\": %.9f, \"snp_cold_s\": %.9f, "
           "\"tdx_warm_s\": %.9f, \"tdx_cold_s\": %.9f}\n",
           f.p384_verify, f.rsa2048_verify, f.snp_cold, f.tdx_warm, f.tdx_cold);
    return 0;
}

static void print_replay(const char *name, const struct bench_replay *r, long n)
{
    printf("\"%s\": {\"bytes\": %zu, \"per_second\": %.0f, \"bare_per_second\": %.0f, \"ratio_to_bare\": %.2f}", name, r->bytes,
           (double)n / r->replay, (double)n / r->bare, r->replay / r->bare);
}

static int run_logs(long n)
{
    const struct bench_replay events = bench_eventlog((size_t)n), ima = bench_ima((size_t)n);
    printf("{\"entries\": %ld, ", n);
    print_replay("eventlog", &events, n);
    fputs(", ", stdout);
    print_replay("ima", &ima, n);
    puts("}");
    return 0;
}

static void read_options(int argc, char **argv, struct job *j)
{
    static const struct option options[] = {
        {"family", required_argument, NULL, 'f'},    {"dir", required_argument, NULL, 'd'},
        {"broker", required_argument, NULL, 'b'},    {"broker-id", required_argument, NULL, 'i'},
        {"secret", required_argument, NULL, 's'},    {"threads", required_argument, NULL, 't'},
        {"count", required_argument, NULL, 'c'},     {"rate", required_argument, NULL, 'r'},
        {"log", required_argument, NULL, 'l'},       {"new-connections", no_argument, NULL, 'n'},
        {"cold", no_argument, NULL, 'C'},            {"help", no_argument, NULL, 'h'}, {0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'f': j->family = optarg; break;
        case 'd': j->dir = optarg; break;
        case 'b': j->address = optarg; break;
        case 's': j->secret = optarg; break;
        case 't': j->threads = strtol(optarg, NULL, 10); break;
        case 'c': j->count = strtol(optarg, NULL, 10); break;
        case 'r': j->rate = strtod(optarg, NULL); break;
        case 'l': j->log = strtoul(optarg, NULL, 10); break;
        case 'n': j->new_connections = true; break;
        case 'C': j->cold = true; break;
        case 'h': fputs(usage, stdout); exit(0);
        case 'i':
            if (lk_unhex(optarg, strlen(optarg), j->broker_id, 32) == 32)
                break;
            __attribute__((fallthrough));
        default: fputs(usage, stderr); exit(64);
        }
    }
}

int main(int argc, char **argv)
{
    static struct job j = {.count = 1000, .threads = 8};
    signal(SIGPIPE, SIG_IGN);
    read_options(argc, argv, &j);
    const char *command = optind < argc ? argv[optind] : "";
    bool whole = j.address != NULL && j.secret != NULL && j.family != NULL;
    if (j.dir != NULL && strcmp(command, "floor") == 0)
        return run_floor(j.dir);
    if (strcmp(command, "logs") == 0 && j.count >= 10 && j.count <= 200000)
        return run_logs(j.count);
    if (j.dir != NULL && strcmp(command, "prepare-tpm") == 0) {
        bench_prepare_tpm(j.dir);
        return 0;
    }
    if (j.dir != NULL && whole && strcmp(command, "guests") == 0 && j.threads >= 1 && j.threads <= 1024 && j.count >= 1)
        return run_guests(&j);
    fputs(usage, stderr);
    return 64;
}
