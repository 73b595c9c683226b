/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/system/keeper/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "keystore/release/pack.h"
#include "proto/base/clock.h"
#include "proto/link/permits.h"
#include "proto/link/settings.h"
#include "proto/link/snapshot.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"
#include "proto/seal/key.h"
#include "rpc.pb-c.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIN "latchkey-test-pin"
#define FRAME_MAX (4u << 20)
#define ok(r) assert_int_equal((int)(r).code, LK_R_OK)

void bench_run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
    char command[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    bench_run(command);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Child: fds[i] becomes descriptor numbers[i]; -1: /dev/null. */
static pid_t spawn(struct bench *b, const char *program, const char *argument, const char *cwd, const int *fds,
                   const int *numbers, size_t n)
{
    char path[512], conf[128];
    snprintf(path, sizeof(path), "%s/%s", LK_BIN, program);
    snprintf(conf, sizeof(conf), "%s/softhsm2.conf", b->folder);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int high[8], last = 2;
    for (size_t i = 0; i < n; i++)
        high[i] = fcntl(fds[i] == -1 ? open("/dev/null", O_RDWR) : fds[i], F_DUPFD, 100);
    for (size_t i = 0; i < n; i++) {
        dup2(high[i], numbers[i]);
        last = numbers[i] > last ? numbers[i] : last;
    }
    closefrom(last + 1);
    setenv("SOFTHSM2_CONF", conf, 1);
    if (cwd != NULL && chdir(cwd) != 0)
        _exit(126);
    execl(path, program, argument, (char *)NULL);
    _exit(127);
}

int bench_wait_exit(pid_t *pid)
{
    int status = 0;
    for (int i = 0; i < 2000; i++) {
        pid_t got = waitpid(*pid, &status, WNOHANG);
        if (got == *pid) {
            *pid = -1;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        usleep(10000);
    }
    fail_msg("process %d does not end", (int)*pid);
    return -1;
}

void bench_kill(pid_t *pid, int sig)
{
    if (*pid <= 0)
        return;
    kill(*pid, sig);
    waitpid(*pid, NULL, 0);
    *pid = -1;
}

static void pair(int out[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
}

static int settings_fd(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int settings_fd(const char *fmt, ...)
{
    char text[2048];
    int fd;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    ok(lk_settings_memfd(lk_bytes_str(text), &fd));
    return fd;
}

static int token_process(struct bench *b)
{
    int link[2], pin;
    char path[256];
    snprintf(path, sizeof(path), "%s/pin", b->folder);
    pair(link);
    pin = open(path, O_RDONLY | O_CLOEXEC);
    int settings = settings_fd("module /usr/lib/softhsm/libsofthsm2.so\nlabel latchkey\nsessions 2\ntoken-timeout-ms 5000\n"
                               "read-only %s/softhsm2.conf\nread-write %s/tokens\nsandbox normal\nlog-level warn\n",
                               b->folder, b->folder);
    const int fds[] = {-1, -1, link[1], settings, pin}, numbers[] = {0, 1, 3, 4, 5};
    b->token = spawn(b, "latchkey-token", NULL, b->folder, fds, numbers, 5);
    close(link[1]);
    close(settings);
    close(pin);
    return link[0];
}

static void init_store(struct bench *b)
{
    int link = token_process(b), out[2], in;
    char path[256], line[128] = "";
    snprintf(path, sizeof(path), "%s/admins", b->folder);
    in = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const int fds[] = {in, out[1], link}, numbers[] = {0, 1, 3};
    pid_t pid = spawn(b, "latchkey-keeper", "--init", b->state, fds, numbers, 3);
    close(out[1]);
    close(in);
    close(link);
    assert_true(read(out[0], line, sizeof(line) - 1) > 0);
    close(out[0]);
    assert_int_equal(bench_wait_exit(&pid), 0);
    assert_memory_equal(line, "broker-id ", 10);
    assert_int_equal(lk_unhex(line + 10, 64, b->broker_id, 32), 32);
    assert_int_equal(bench_wait_exit(&b->token), 0);
}

void bench_new(struct bench *b)
{
    char conf[256];
    *b = (struct bench){.token = -1, .keeper = -1, .control = -1, .front = -1, .admin = -1, .max_size = 64u << 20,
                        .challenge_lifetime = 60, .token_timeout_ms = 5000};
    for (int i = 0; i < BENCH_WORKERS; i++)
        b->workers[i] = -1;
    signal(SIGPIPE, SIG_IGN);
    strcpy(b->folder, "/tmp/lk-keeper-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->state, sizeof(b->state), "%s/state", b->folder);
    assert_int_equal(mkdir(b->state, 0700), 0);
    snprintf(conf, sizeof(conf), "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", b->folder);
    write_file(b->folder, "softhsm2.conf", conf);
    write_file(b->folder, "pin", PIN "\n");
    run("mkdir -m 700 %s/tokens && SOFTHSM2_CONF=%s/softhsm2.conf softhsm2-util --init-token --free --label latchkey --pin " PIN
        " --so-pin latchkey-test-so >/dev/null", b->folder, b->folder);
    run("ssh-keygen -q -t ed25519 -N '' -C admin -f %s/admin && ssh-keygen -q -t ed25519 -N '' -C stranger -f %s/stranger",
        b->folder, b->folder);
    run("printf 'alice ' >%s/admins && cat %s/admin.pub >>%s/admins", b->folder, b->folder, b->folder);
    run("SOFTHSM2_CONF=%s/softhsm2.conf %s/latchkey-token --init --module=/usr/lib/softhsm/libsofthsm2.so --label=latchkey <%s/pin "
        ">%s/init.json", b->folder, LK_BIN, b->folder, b->folder);
    b->frame = malloc(FRAME_MAX);
    b->recipient = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    b->rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    assert_non_null(b->frame);
    assert_non_null(b->recipient);
    init_store(b);
}

void bench_free(struct bench *b)
{
    bench_kill(&b->keeper, SIGKILL);
    bench_kill(&b->token, SIGKILL);
    if (b->folder[0] != '\0')
        run("rm -rf %s", b->folder);
    EVP_PKEY_free(b->recipient);
    EVP_PKEY_free(b->rsa);
    free(b->frame);
}

static void close_fd(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}

static void close_links(struct bench *b)
{
    close_fd(&b->control);
    close_fd(&b->front);
    close_fd(&b->admin);
    for (int i = 0; i < BENCH_WORKERS; i++)
        close_fd(&b->workers[i]);
}

void bench_stop(struct bench *b)
{
    close_links(b);
    if (b->keeper > 0)
        assert_int_equal(bench_wait_exit(&b->keeper), 0);
    if (b->token > 0)
        bench_wait_exit(&b->token);
}

static void control_fd(struct bench *b, uint16_t type, struct lk_bytes payload, int fd)
{
    ok(lk_frame_send_fd(b->control, type, 0, payload, fd));
    close(fd);
}

void bench_start_token(struct bench *b)
{
    int link = token_process(b);
    control_fd(b, LK_F_CTL_TOKEN_LINK, LK_BYTES_NONE, b->token_link == NULL ? link : b->token_link(link));
}

void bench_new_front(struct bench *b)
{
    int front[2], admin[2];
    close_fd(&b->front);
    close_fd(&b->admin);
    pair(front);
    pair(admin);
    b->front = front[0];
    b->admin = admin[0];
    control_fd(b, LK_F_CTL_FRONT_LINK, LK_BYTES_NONE, front[1]);
    control_fd(b, LK_F_CTL_ADMIN_LINK, LK_BYTES_NONE, admin[1]);
}

void bench_start_keeper(struct bench *b)
{
    int link[2];
    close_links(b);
    pair(link);
    int settings = settings_fd("max-size %llu\nchallenge-lifetime %llu\ntoken-timeout-ms %llu\nverifiers 2\nsandbox normal\nlog-level %s\n",
                               (unsigned long long)b->max_size, (unsigned long long)b->challenge_lifetime,
                               (unsigned long long)b->token_timeout_ms, getenv("LK_TEST_LOG") ? "info" : "error");
    const int fds[] = {-1, -1, link[1], settings}, numbers[] = {0, 1, 3, 4};
    b->keeper = spawn(b, "latchkey-keeper", NULL, b->state, fds, numbers, 4);
    close(link[1]);
    close(settings);
    b->control = link[0];
    b->next_worker = 1;
}

struct lk_frame bench_recv(struct bench *b, int fd, enum lk_link incoming)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct lk_frame f = {0};
    do {
        assert_int_equal(poll(&p, 1, 20000), 1);
        ok(lk_frame_recv(fd, incoming, b->frame, FRAME_MAX, &f));
    } while (f.type == LK_F_CTL_WORKER_UP);
    return f;
}

bool bench_closed(struct bench *b, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    (void)b;
    uint8_t drop[4096];
    while (poll(&p, 1, 10000) == 1) {
        ssize_t n = recv(fd, drop, sizeof(drop), 0);
        if (n <= 0)
            return true;
    }
    return false;
}

static void add_worker(struct bench *b, int i, uint64_t generation)
{
    int link[2];
    LK_BUF_AUTO p = lk_buf(64);
    pair(link);
    close_fd(&b->workers[i]);
    b->workers[i] = link[0];
    lk_msg_worker_put(&p, &(struct lk_msg_worker){.worker = b->next_worker++, .generation = generation});
    control_fd(b, LK_F_CTL_WORKER, lk_buf_bytes(&p), link[1]);
}

void bench_add_workers(struct bench *b, uint64_t generation, const uint8_t digest[static 32])
{
    LK_BUF_AUTO ready = lk_buf(64);
    struct lk_msg_ready m = {.generation = generation};
    memcpy(m.snapshot, digest, 32);
    lk_msg_ready_put(&ready, &m);
    b->first_worker = b->next_worker;
    for (int i = 0; i < BENCH_WORKERS; i++)
        add_worker(b, i, generation);
    for (int i = 0; i < BENCH_WORKERS; i++)
        ok(lk_frame_send(b->workers[i], LK_F_WORKER_READY, 0, lk_buf_bytes(&ready)));
}

/* A generation's old workers are closed by us, as the supervisor would when the front has retired them. */
static void play_generation(struct bench *b, const struct lk_frame *f)
{
    struct lk_msg_snapshot m;
    struct lk_snapshot s;
    ok(lk_msg_snapshot_get(f->payload, &m));
    ok(lk_snapshot_map(f->fd, &s));
    assert_int_equal(s.head.generation, m.generation);
    close(f->fd);
    if (b->refuse_snapshots) {
        LK_BUF_AUTO p = lk_buf(512);
        lk_msg_text_put(&p, m.generation, "no worker came up");
        ok(lk_frame_send(b->control, LK_F_CTL_GENERATION_DEAD, 0, lk_buf_bytes(&p)));
        return;
    }
    b->generation = m.generation;
    bench_add_workers(b, m.generation, m.digest);
}

void bench_first_generation(struct bench *b)
{
    uint64_t active;
    struct lk_frame f = bench_recv(b, b->control, LK_LINK_KEEPER_SUPER);
    assert_int_equal(f.type, LK_F_CTL_SNAPSHOT);
    play_generation(b, &f);
    f = bench_recv(b, b->control, LK_LINK_KEEPER_SUPER);
    assert_int_equal(f.type, LK_F_CTL_ACTIVE);
    ok(lk_msg_u64_get(f.payload, &active));
    assert_int_equal(active, b->generation);
}

void bench_start(struct bench *b)
{
    bench_start_keeper(b);
    bench_start_token(b);
    bench_new_front(b);
    assert_int_equal(bench_recv(b, b->control, LK_LINK_KEEPER_SUPER).type, LK_F_CTL_READY);
    bench_first_generation(b);
}

/* Answers */

static void take_info(struct bench_answer *a, const Google__Rpc__Any *any)
{
    Google__Rpc__ErrorInfo *info = google__rpc__error_info__unpack(NULL, any->value.len, any->value.data);
    assert_non_null(info);
    assert_string_equal(info->domain, "latchkey");
    snprintf(a->reason, sizeof(a->reason), "%s", info->reason);
    for (size_t i = 0; i < info->n_metadata; i++) {
        if (strcmp(info->metadata[i]->key, "decision_id") == 0)
            snprintf(a->decision, sizeof(a->decision), "%s", info->metadata[i]->value);
        if (strcmp(info->metadata[i]->key, "class") == 0)
            snprintf(a->cls, sizeof(a->cls), "%s", info->metadata[i]->value);
    }
    google__rpc__error_info__free_unpacked(info, NULL);
}

static void take_details(struct bench_answer *a, struct lk_bytes details)
{
    Google__Rpc__Status *s = google__rpc__status__unpack(NULL, details.len, details.data);
    assert_non_null(s);
    assert_int_equal(s->code, a->status);
    for (size_t i = 0; i < s->n_details; i++) {
        const Google__Rpc__Any *any = s->details[i];
        if (strstr(any->type_url, "ErrorInfo") != NULL)
            take_info(a, any);
        if (strstr(any->type_url, "RetryInfo") != NULL)
            a->retry = true;
        if (strstr(any->type_url, "SignedAnswer") != NULL)
            a->signed_answer = latchkey__v1__signed_answer__unpack(NULL, any->value.len, any->value.data);
    }
    google__rpc__status__free_unpacked(s, NULL);
}

static void check_signature(struct bench *b, struct bench_answer *a)
{
    const Latchkey__V1__SignedAnswer *s = a->signed_answer;
    const struct lk_answer_keys keys = {lk_bytes(s->answer_key.data, s->answer_key.len),
                                        lk_bytes(s->installation_key.data, s->installation_key.len),
                                        lk_bytes(s->certification.data, s->certification.len),
                                        lk_bytes(s->start_id.data, s->start_id.len)};
    ok(lk_answer_verify(&keys, b->broker_id, lk_bytes(s->answer.data, s->answer.len),
                        lk_bytes(s->signature.data, s->signature.len)));
    a->answer = latchkey__v1__answer__unpack(NULL, s->answer.len, s->answer.data);
    assert_non_null(a->answer);
}

static void read_answer(struct bench *b, const struct lk_frame *f, bool release, struct bench_answer *a)
{
    struct lk_msg_answer m;
    *a = (struct bench_answer){0};
    assert_int_equal(f->type, LK_F_ANSWER);
    ok(lk_msg_answer_get(f->payload, &m));
    a->status = m.grpc_status;
    a->body_len = m.body.len;
    a->body = malloc(m.body.len + 1);
    if (m.body.len > 0)
        memcpy(a->body, m.body.data, m.body.len);
    if (m.grpc_status != 0) {
        take_details(a, m.details);
    } else {
        strcpy(a->reason, "OK");
        if (release) {
            Latchkey__V1__ReleaseResponse *r = latchkey__v1__release_response__unpack(NULL, m.body.len, m.body.data);
            assert_non_null(r);
            a->signed_answer = r->answer;
            r->answer = NULL;
            latchkey__v1__release_response__free_unpacked(r, NULL);
        }
    }
    if (a->signed_answer != NULL)
        check_signature(b, a);
}

void bench_answer_free(struct bench_answer *a)
{
    free(a->body);
    if (a->signed_answer != NULL)
        latchkey__v1__signed_answer__free_unpacked(a->signed_answer, NULL);
    if (a->answer != NULL)
        latchkey__v1__answer__free_unpacked(a->answer, NULL);
    *a = (struct bench_answer){0};
}

uint64_t bench_request(struct bench *b, int worker)
{
    return lk_request_number(b->first_worker + (uint32_t)worker, ++b->asked);
}

static struct lk_frame next_answer(struct bench *b)
{
    for (;;) {
        struct lk_frame f = bench_recv(b, b->front, LK_LINK_KEEPER_FRONT);
        if (f.type == LK_F_ANSWER)
            return f;
    }
}

void bench_ticket(struct bench *b, const uint8_t *context, const char *s, struct lk_ticket *t)
{
    struct lk_challenge_frame c = {.deadline_mono_ms = lk_clock_mono_ms() + 10000, .generation = b->generation};
    LK_BUF_AUTO p = lk_buf(16u << 10);
    struct lk_msg_answer m;
    c.activated = context != NULL;
    if (context != NULL)
        memcpy(c.context, context, 32);
    ok(lk_sha256(LK_PARTS(lk_bytes_str(s)), c.s_hash));
    c.credential_blob = lk_bytes("blob", context == NULL ? 0 : 4);
    c.encrypted_secret = lk_bytes("secret", context == NULL ? 0 : 6);
    c.evidence_request = lk_bytes("\x10\x05", 2); /* EvidenceRequest{max_bundle_bytes: 5} */
    lk_challenge_frame_put(&p, &c);
    b->request = bench_request(b, 0);
    ok(lk_frame_send(b->workers[0], LK_F_CHALLENGE, b->request, lk_buf_bytes(&p)));
    struct lk_frame f = next_answer(b);
    assert_int_equal(f.request, b->request);
    ok(lk_msg_answer_get(f.payload, &m));
    assert_int_equal(m.grpc_status, 0);
    Latchkey__V1__ChallengeResponse *r = latchkey__v1__challenge_response__unpack(NULL, m.body.len, m.body.data);
    assert_non_null(r);
    assert_int_equal(r->ticket.len, LK_TICKET_LEN);
    assert_int_equal(r->evidence->max_bundle_bytes, 5);
    assert_memory_equal(r->broker_id.data, b->broker_id, 32);
    memcpy(t->bytes, r->ticket.data, LK_TICKET_LEN);
    latchkey__v1__challenge_response__free_unpacked(r, NULL);
}

void bench_verdict(struct bench *b, const struct lk_ticket *t, const char *secret, struct lk_verdict *v)
{
    *v = (struct lk_verdict){.kind = LK_VERDICT_RELEASE, .deadline_mono_ms = lk_clock_mono_ms() + 10000,
                             .time = lk_clock_wall(), .ticket = *t, .n_secrets = 1, .generation = b->generation};
    ok(lk_sha256(NULL, 0, v->s_hash));
    memcpy(v->broker_id, b->broker_id, 32);
    assert_int_equal(RAND_bytes(v->statement_hash, 64), 1);
    v->recipient.suite = LK_SUITE_HPKE_X25519;
    v->recipient.point_len = 32;
    assert_int_equal(EVP_PKEY_get_raw_public_key(b->recipient, v->recipient.point, &v->recipient.point_len), 1);
    strcpy(v->secrets[0].name, secret);
    strcpy(v->secrets[0].policy, "prod");
    v->secrets[0].policy_revision = 1;
}

void bench_recipient_rsa(struct bench *b, struct lk_verdict *v)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(b->rsa, &der);
    struct lk_bytes modulus;
    assert_true(n > 0);
    assert_int_equal(lk_spki_split(lk_bytes(der, (size_t)n), &modulus), LK_KEY_RSA);
    v->recipient = (struct lk_recipient){.suite = LK_SUITE_RSA_SHA1, .n_len = modulus.len, .e = 65537};
    memcpy(v->recipient.n, modulus.data, modulus.len);
    OPENSSL_free(der);
}

void bench_send_verdict(struct bench *b, int worker, const struct lk_verdict *v)
{
    LK_BUF_AUTO p = lk_buf(48u << 10);
    lk_verdict_put(&p, v);
    ok(lk_buf_ok(&p));
    b->request = bench_request(b, worker);
    ok(lk_frame_send(b->workers[worker], LK_F_VERDICT, b->request, lk_buf_bytes(&p)));
}

void bench_take_answer(struct bench *b, struct bench_answer *a)
{
    struct lk_frame f = next_answer(b);
    read_answer(b, &f, true, a);
}

void bench_ask(struct bench *b, const struct lk_verdict *v, struct bench_answer *a)
{
    bench_send_verdict(b, 0, v);
    struct lk_frame f = next_answer(b);
    assert_int_equal(f.request, b->request);
    read_answer(b, &f, true, a);
    if (a->answer != NULL)
        assert_memory_equal(a->answer->statement_hash.data, v->statement_hash, 64);
}

void bench_open(struct bench *b, const struct bench_answer *a, size_t i, const struct lk_verdict *v,
                struct lk_secret *out)
{
    const Latchkey__V1__SecretAnswer *s = a->answer->secrets[i];
    struct lk_bytes ct = lk_bytes(s->ciphertext.data, s->ciphertext.len);
    if (v->recipient.suite == LK_SUITE_HPKE_X25519)
        ok(lk_hpke_open(b->recipient, LK_BYTES(v->statement_hash), lk_bytes(s->enc.data, s->enc.len), ct, out));
    else
        ok(lk_rsa_aes_unwrap(b->rsa, v->recipient.suite, ct, out));
}

/* Admins */

static struct lk_frame admin_call(struct bench *b, uint16_t type, struct lk_bytes message)
{
    LK_BUF_AUTO p = lk_buf(LK_BUNDLE_MAX + 256);
    lk_msg_request_put(&p, &(struct lk_msg_request){.deadline_mono_ms = lk_clock_mono_ms() + 20000, .message = message});
    b->request = lk_request_number(LK_REQUEST_ADMIN, ++b->asked);
    ok(lk_frame_send(b->admin, type, b->request, lk_buf_bytes(&p)));
    for (;;) { /* a generation may have to be played first */
        struct pollfd both[2] = {{.fd = b->admin, .events = POLLIN}, {.fd = b->control, .events = POLLIN}};
        assert_true(poll(both, 2, 20000) > 0);
        if ((both[1].revents & POLLIN) != 0) {
            struct lk_frame f = bench_recv(b, b->control, LK_LINK_KEEPER_SUPER);
            if (f.type == LK_F_CTL_SNAPSHOT)
                play_generation(b, &f);
            else
                assert_int_equal(f.type, LK_F_CTL_ACTIVE);
            continue;
        }
        struct lk_frame f = bench_recv(b, b->admin, LK_LINK_ADMIN_FRONT);
        assert_int_equal(f.request, b->request);
        return f;
    }
}

static Latchkey__V1__HelloResponse *hello(struct bench *b, bool nonce)
{
    Latchkey__V1__HelloRequest m = LATCHKEY__V1__HELLO_REQUEST__INIT;
    LK_BUF_AUTO body = lk_buf(64);
    struct bench_answer a;
    m.nonce = nonce;
    ok(lk_pack(&body, &m.base));
    uint8_t none = 0;
    struct lk_frame f = admin_call(b, LK_F_ADMIN_HELLO, body.len == 0 ? lk_bytes(&none, 0) : lk_buf_bytes(&body));
    read_answer(b, &f, false, &a);
    assert_string_equal(a.reason, "OK");
    Latchkey__V1__HelloResponse *r = latchkey__v1__hello_response__unpack(NULL, a.body_len, a.body);
    assert_non_null(r);
    bench_answer_free(&a);
    memcpy(b->installation_id, r->installation_id.data, 32);
    return r;
}

void bench_change_new(struct bench *b, struct bench_change *c)
{
    *c = (struct bench_change){0};
    latchkey__v1__hello_response__free_unpacked(hello(b, false), NULL);
    assert_int_equal(RAND_bytes(c->nonce, 32), 1);
    c->e.not_after = lk_clock_wall() + 300;
    c->e.installation_id = LK_BYTES(b->installation_id);
    c->e.scope = lk_bytes("", 0);
}

void bench_change_add(struct bench_change *c, enum lk_change_kind kind, const char *object, uint64_t revision,
                      const struct lk_buf *payload)
{
    size_t i = c->e.n_items++;
    c->payloads[i] = lk_buf(1u << 20);
    if (payload != NULL)
        lk_put(&c->payloads[i], lk_buf_bytes(payload));
    ok(lk_sha256(LK_PARTS(lk_buf_bytes(&c->payloads[i])), c->digests[i]));
    c->e.items[i] = (struct lk_envelope_item){.kind = kind, .object = lk_bytes_str(object), .revision = revision,
                                              .payload_len = (uint32_t)c->payloads[i].len,
                                              .payload_digest = LK_BYTES(c->digests[i])};
}

/* ssh-keygen -Y sign, and the armour taken off. */
static void sign(struct bench *b, const char *key, struct lk_bytes message, struct lk_buf *blob)
{
    char path[128], line[256], base64[8192] = "";
    snprintf(path, sizeof(path), "%s/message", b->folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(message.data, 1, message.len, f), message.len);
    fclose(f);
    run("cd %s && rm -f message.sig && ssh-keygen -q -Y sign -f %s -n latchkey message >/dev/null 2>&1", b->folder, key);
    snprintf(path, sizeof(path), "%s/message.sig", b->folder);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        if (line[0] != '-')
            strncat(base64, line, strcspn(line, "\n"));
    fclose(f);
    size_t n = strlen(base64), pad = n > 1 && base64[n - 1] == '=' ? (base64[n - 2] == '=' ? 2 : 1) : 0;
    uint8_t raw[8192];
    int len = EVP_DecodeBlock(raw, (const unsigned char *)base64, (int)n);
    assert_true(len > 0);
    lk_put(blob, lk_bytes(raw, (size_t)len - pad));
}

static void envelope(struct bench *b, const struct lk_envelope *e, const char *key, struct lk_buf *out)
{
    LK_BUF_AUTO signed_part = lk_buf(LK_ENVELOPE_MAX);
    LK_BUF_AUTO blob = lk_buf(8192);
    lk_envelope_put_signed(&signed_part, e);
    ok(lk_buf_ok(&signed_part));
    if (key != NULL)
        sign(b, key, lk_buf_bytes(&signed_part), &blob);
    const struct lk_bytes signatures[] = {lk_buf_bytes(&blob)};
    lk_envelope_put(out, lk_buf_bytes(&signed_part), signatures, key == NULL ? 0 : 1);
    ok(lk_buf_ok(out));
}

void bench_change_send(struct bench *b, struct bench_change *c, const char *key, struct bench_answer *a)
{
    Latchkey__V1__ChangeRequest m = LATCHKEY__V1__CHANGE_REQUEST__INIT;
    ProtobufCBinaryData payloads[8];
    LK_BUF_AUTO raw = lk_buf(LK_ENVELOPE_MAX);
    LK_BUF_AUTO body = lk_buf(4u << 20);
    if (c->e.nonce.data == NULL)
        c->e.nonce = LK_BYTES(c->nonce);
    envelope(b, &c->e, key, &raw);
    m.envelope = lk_pack_bytes(lk_buf_bytes(&raw));
    for (size_t i = 0; i < c->e.n_items; i++)
        payloads[i] = lk_pack_bytes(lk_buf_bytes(&c->payloads[i]));
    m.n_payloads = c->e.n_items;
    m.payloads = payloads;
    ok(lk_pack(&body, &m.base));
    struct lk_frame f = admin_call(b, LK_F_ADMIN_CHANGE, lk_buf_bytes(&body));
    read_answer(b, &f, false, a);
    for (size_t i = 0; i < c->e.n_items; i++)
        lk_buf_free(&c->payloads[i]);
}

static void set_policy(struct bench *b, Latchkey__V1__Policy *p, const char *pattern, uint64_t revision)
{
    char *releases[] = {(char *)(uintptr_t)pattern};
    struct bench_change c;
    struct bench_answer a;
    LK_BUF_AUTO payload = lk_buf(4096);
    p->schema = 1;
    p->n_releases = 1;
    p->releases = releases;
    ok(lk_pack(&payload, &p->base));
    bench_change_new(b, &c);
    bench_change_add(&c, LK_CHANGE_POLICY_SET, p->name, revision, &payload);
    bench_change_send(b, &c, "admin", &a);
    assert_string_equal(a.reason, "OK");
    bench_answer_free(&a);
}

void bench_policy(struct bench *b, const char *name, const char *pattern, const char *kek, uint64_t revision, uint64_t budget)
{
    Latchkey__V1__Policy p = LATCHKEY__V1__POLICY__INIT;
    p.name = (char *)(uintptr_t)name;
    p.kek = (char *)(uintptr_t)kek;
    p.budget = budget;
    set_policy(b, &p, pattern, revision);
}

void bench_policy_that_makes(struct bench *b, const char *name, const char *pattern, const char *kek, uint64_t revision,
                             uint32_t bytes, uint64_t per_day)
{
    Latchkey__V1__Policy p = LATCHKEY__V1__POLICY__INIT;
    Latchkey__V1__Create c = LATCHKEY__V1__CREATE__INIT;
    c.bytes = bytes;
    c.per_day = per_day;
    p.name = (char *)(uintptr_t)name;
    p.kek = (char *)(uintptr_t)kek;
    p.create = &c;
    set_policy(b, &p, pattern, revision);
}

void bench_policy_that_explains(struct bench *b, const char *name, const char *pattern)
{
    Latchkey__V1__Policy p = LATCHKEY__V1__POLICY__INIT;
    p.name = (char *)(uintptr_t)name;
    p.kek = (char *)(uintptr_t)"sealed";
    p.explain_to_guest = true;
    set_policy(b, &p, pattern, 0);
}

void bench_put(struct bench *b, const char *name, const char *kek, uint64_t revision, const char *value,
               struct bench_answer *a)
{
    Latchkey__V1__SecretPut p = LATCHKEY__V1__SECRET_PUT__INIT;
    struct bench_change c;
    LK_BUF_AUTO sealed = lk_buf(LK_SEALED_MAX);
    LK_BUF_AUTO payload = lk_buf(128u << 10);
    Latchkey__V1__HelloResponse *h = hello(b, false);
    EVP_PKEY *key = lk_key_rsa_spki(lk_bytes(h->import_key.data, h->import_key.len));
    assert_non_null(key);
    ok(lk_rsa_aes_wrap(key, lk_suite_by_name(lk_bytes_str(h->import_suite)), lk_bytes_str(value), &sealed));
    EVP_PKEY_free(key);
    latchkey__v1__hello_response__free_unpacked(h, NULL);
    p.schema = 1;
    p.name = (char *)(uintptr_t)name;
    p.kek = (char *)(uintptr_t)kek;
    p.wrapped = lk_pack_bytes(lk_buf_bytes(&sealed));
    ok(lk_pack(&payload, &p.base));
    bench_change_new(b, &c);
    bench_change_add(&c, LK_CHANGE_SECRET_PUT, name, revision, &payload);
    bench_change_send(b, &c, "admin", a);
}

void bench_nonce(struct bench *b, uint8_t out[static 32])
{
    Latchkey__V1__HelloResponse *h = hello(b, true);
    memcpy(out, h->nonce.data, 32);
    latchkey__v1__hello_response__free_unpacked(h, NULL);
}

Latchkey__V1__QueryResult *bench_query(struct bench *b, enum lk_change_kind kind, const char *object,
                                       struct bench_answer *a)
{
    uint8_t nonce[32];
    bench_nonce(b, nonce);
    return bench_query_with(b, nonce, kind, object, a);
}

Latchkey__V1__QueryResult *bench_query_with(struct bench *b, const uint8_t nonce[static 32], enum lk_change_kind kind,
                                            const char *object, struct bench_answer *a)
{
    Latchkey__V1__QueryRequest m = LATCHKEY__V1__QUERY_REQUEST__INIT;
    uint8_t digest[32];
    LK_BUF_AUTO raw = lk_buf(LK_ENVELOPE_MAX);
    LK_BUF_AUTO body = lk_buf(LK_ENVELOPE_MAX);
    struct lk_envelope e = {.query = true, .installation_id = LK_BYTES(b->installation_id), .nonce = lk_bytes(nonce, 32),
                            .not_after = lk_clock_wall() + 60, .scope = lk_bytes("", 0), .n_items = 1};
    ok(lk_sha256(NULL, 0, digest));
    e.items[0] = (struct lk_envelope_item){.kind = kind, .object = lk_bytes_str(object), .payload_digest = LK_BYTES(digest)};
    envelope(b, &e, "admin", &raw);
    m.envelope = lk_pack_bytes(lk_buf_bytes(&raw));
    ok(lk_pack(&body, &m.base));
    struct lk_frame f = admin_call(b, LK_F_ADMIN_QUERY, lk_buf_bytes(&body));
    read_answer(b, &f, false, a);
    if (a->status != 0)
        return NULL;
    Latchkey__V1__QueryResponse *r = latchkey__v1__query_response__unpack(NULL, a->body_len, a->body);
    assert_non_null(r);
    const struct lk_answer_keys keys = {lk_bytes(r->answer_key.data, r->answer_key.len),
                                        lk_bytes(r->installation_key.data, r->installation_key.len),
                                        lk_bytes(r->certification.data, r->certification.len),
                                        lk_bytes(r->start_id.data, r->start_id.len)};
    ok(lk_sha256(LK_PARTS(lk_buf_bytes(&raw)), digest));
    ok(lk_query_answer_verify(&keys, b->broker_id, LK_BYTES(digest), lk_bytes(r->result.data, r->result.len),
                              lk_bytes(r->signature.data, r->signature.len)));
    Latchkey__V1__QueryResult *result = latchkey__v1__query_result__unpack(NULL, r->result.len, r->result.data);
    latchkey__v1__query_response__free_unpacked(r, NULL);
    assert_non_null(result);
    return result;
}
