/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/system/tpm/live.h"

#include "broker/guest/collectors/frame.h"
#include "policy/chain/cert.h"
#include "proto/base/clock.h"
#include "proto/msg/unpack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASK_MS 20000

static void must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "tpm_live_test: %s\n", what);
    exit(1);
}

static void run(const char *command)
{
    if (system(command) != 0) {
        fprintf(stderr, "tpm_live_test: failed: %s\n", command);
        exit(1);
    }
}

static void read_path(const char *path, struct lk_arena *arena, struct lk_bytes *out)
{
    FILE *f = fopen(path, "rb");
    must(f != NULL, path);
    uint8_t *data = lk_arena_alloc(arena, 65536);
    must(data != NULL, "arena");
    size_t n = fread(data, 1, 65536, f);
    fclose(f);
    *out = lk_bytes(data, n);
}

struct lk_bytes live_file(const struct live *l, const char *name)
{
    char path[256];
    struct lk_bytes out;
    snprintf(path, sizeof(path), "%s/%s", l->dir, name);
    read_path(path, l->arena, &out);
    return out;
}

static void add_anchor(struct live *l)
{
    struct lk_bytes der[1];
    size_t n = 1;
    must(lk_ok(lk_certs_split(live_file(l, "root.pem"), l->arena, der, &n)), "root.pem");
    must(lk_ok(lk_trust_add_anchor(l->trust, "tpm", "swtpm", der[0])), "anchor");
}

/* A failed test ends the program where it stands: the TPM must not outlive it. */
static struct live *started;

static void stop_at_exit(void)
{
    if (started != NULL)
        live_stop(started);
}

void live_start(struct live *l, const char *scripts, const char *collector)
{
    char command[512];
    *l = (struct live){.scripts = scripts, .collector = collector};
    strcpy(l->dir, "/tmp/latchkey-tpm-XXXXXX");
    must(mkdtemp(l->dir) != NULL, "mkdtemp");
    snprintf(command, sizeof(command), "%s/swtpm-up %s", scripts, l->dir);
    run(command);
    started = l;
    atexit(stop_at_exit);
    l->trust = lk_trust_new();
    l->arena = lk_arena_new(64U << 20);
    must(l->trust != NULL && l->arena != NULL, "memory");
    add_anchor(l);
}

void live_stop(struct live *l)
{
    char command[512];
    started = NULL;
    snprintf(command, sizeof(command), "%s/swtpm-down %s; rm -rf %s", l->scripts, l->dir, l->dir);
    run(command);
    lk_trust_free(l->trust);
    lk_arena_free(l->arena);
}

void live_tool(const struct live *l, const char *fmt, ...)
{
    char tool[1024], command[1536];
    va_list args;
    va_start(args, fmt);
    vsnprintf(tool, sizeof(tool), fmt, args);
    va_end(args);
    snprintf(command, sizeof(command), "cd %s && TPM2TOOLS_TCTI=$(cat tcti) && export TPM2TOOLS_TCTI && { %s; } > tool.log 2>&1",
             l->dir, tool);
    run(command);
}

static void exec_collector(struct live *l, const char *const *options)
{
    char tcti[128] = "--tcti=", chain[128];
    const char *argv[12] = {l->collector, tcti, chain};
    struct lk_bytes text = live_file(l, "tcti");
    snprintf(tcti, sizeof(tcti), "--tcti=%.*s", (int)text.len - 1, (const char *)text.data);
    snprintf(chain, sizeof(chain), "--ek-chain=%s/issuer.pem", l->dir);
    for (size_t i = 0; options[i] != NULL && i < 8; i++)
        argv[3 + i] = options[i];
    execv(l->collector, (char *const *)(uintptr_t)argv);
    _exit(127);
}

void session_open(struct session *s, struct live *l, const char *const *options)
{
    int down[2], up[2];
    must(pipe2(down, 0) == 0 && pipe2(up, 0) == 0, "pipe");
    s->live = l;
    s->pid = fork();
    must(s->pid >= 0, "fork");
    if (s->pid == 0) {
        dup2(down[0], STDIN_FILENO);
        dup2(up[1], STDOUT_FILENO);
        close(down[0]);
        close(down[1]);
        close(up[0]);
        close(up[1]);
        exec_collector(l, options);
    }
    close(down[0]);
    close(up[1]);
    s->to = down[1];
    s->from = up[0];
}

void session_close(struct session *s)
{
    int status;
    close(s->to);
    must(waitpid(s->pid, &status, 0) == s->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
         "the collector did not end well");
    close(s->from);
}

const Latchkey__V1__CollectorResponse *session_ask(struct session *s, const Latchkey__V1__CollectorRequest *request)
{
    uint64_t deadline = lk_clock_mono_ms() + ASK_MS;
    LK_BUF_AUTO bytes = lk_buf(LK_COLLECTOR_FRAME_MAX);
    uint8_t *room = lk_put_room(&bytes, protobuf_c_message_get_packed_size(&request->base));
    must(room != NULL, "pack");
    protobuf_c_message_pack(&request->base, room);
    must(lk_ok(lk_collector_write(s->to, deadline, lk_buf_bytes(&bytes))), "write to the collector");
    must(lk_ok(lk_collector_read(s->from, deadline, &bytes)), "no answer from the collector");
    void *message;
    must(lk_ok(lk_msg_unpack(&latchkey__v1__collector_response__descriptor, lk_buf_bytes(&bytes), s->live->arena,
                             &LK_MSG_LIMITS_REQUEST, &message)),
         "the collector's answer does not parse");
    /* protobuf-c copies bytes into the arena: nothing points into the buffer any more. */
    return message;
}

const Latchkey__V1__CollectorIdentity *session_identify(struct session *s)
{
    Latchkey__V1__CollectorIdentify call = LATCHKEY__V1__COLLECTOR_IDENTIFY__INIT;
    Latchkey__V1__CollectorRequest request = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    request.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_IDENTIFY;
    request.identify = &call;
    const Latchkey__V1__CollectorResponse *r = session_ask(s, &request);
    must(r->result_case == LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_IDENTITY,
         r->result_case == LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR ? r->error->text : "identify");
    return r->identity;
}

static ProtobufCBinaryData binary(struct lk_bytes v)
{
    return (ProtobufCBinaryData){.len = v.len, .data = (uint8_t *)(uintptr_t)v.data};
}

const Latchkey__V1__CollectorResponse *session_activate(struct session *s, struct lk_bytes blob,
                                                        struct lk_bytes encrypted)
{
    Latchkey__V1__CollectorActivate call = LATCHKEY__V1__COLLECTOR_ACTIVATE__INIT;
    Latchkey__V1__CollectorRequest request = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    call.credential_blob = binary(blob);
    call.encrypted_secret = binary(encrypted);
    request.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_ACTIVATE;
    request.activate = &call;
    return session_ask(s, &request);
}

const Latchkey__V1__CollectorResponse *session_collect(struct session *s, uint8_t binding, const char *bank_a,
                                                       const char *bank_b, const uint32_t *pcrs, size_t n)
{
    uint8_t bytes[64];
    Latchkey__V1__PcrSelection banks[2] = {LATCHKEY__V1__PCR_SELECTION__INIT, LATCHKEY__V1__PCR_SELECTION__INIT};
    Latchkey__V1__PcrSelection *pointers[2] = {&banks[0], &banks[1]};
    Latchkey__V1__EvidenceItemRequest item = LATCHKEY__V1__EVIDENCE_ITEM_REQUEST__INIT;
    Latchkey__V1__CollectorCollect call = LATCHKEY__V1__COLLECTOR_COLLECT__INIT;
    Latchkey__V1__CollectorRequest request = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    memset(bytes, binding, sizeof(bytes));
    banks[0].bank = (char *)(uintptr_t)bank_a;
    banks[1].bank = (char *)(uintptr_t)bank_b;
    for (int i = 0; i < 2; i++) {
        banks[i].indexes = (uint32_t *)(uintptr_t)pcrs;
        banks[i].n_indexes = n;
    }
    item.family = (char *)(uintptr_t)"tpm";
    item.pcrs = pointers;
    item.n_pcrs = bank_a == NULL ? 0 : bank_b == NULL ? 1 : 2;
    call.binding = binary(LK_BYTES(bytes));
    call.request = &item;
    request.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_COLLECT;
    request.collect = &call;
    return session_ask(s, &request);
}

static int part_index(const char *name)
{
    for (size_t i = 0; i < lk_family_tpm.n_parts; i++)
        if (strcmp(lk_family_tpm.parts[i].name, name) == 0)
            return (int)i;
    must(false, name);
    return -1;
}

struct evidence evidence_of(const Latchkey__V1__CollectorResponse *response)
{
    struct evidence e = {0};
    must(response->result_case == LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ITEM,
         response->result_case == LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR ? response->error->text : "collect");
    for (size_t i = 0; i < response->item->n_parts; i++) {
        const Latchkey__V1__EvidencePart *p = response->item->parts[i];
        e.parts[part_index(p->name)] = lk_bytes(p->data.data, p->data.len);
    }
    return e;
}

static lk_result judge(const struct lk_family_input *in, struct judgement *j)
{
    struct lk_item *item;
    struct lk_proofs none = {NULL, 0};
    LK_TRY(lk_family_tpm.parse(in, &item));
    LK_TRY(lk_family_tpm.authenticate(in, item, &none, &j->how));
    return lk_family_tpm.claim(in, item, j->values);
}

struct judgement live_judge(struct live *l, const struct evidence *e, enum lk_activation activation,
                            struct lk_bytes context)
{
    struct judgement j = {0};
    struct lk_family_input in = {.parts = e->parts, .arena = l->arena, .at = lk_clock_wall() + 60, .trust = l->trust,
                                 .activation = activation, .activation_context = context, .report = &j.report};
    j.code = judge(&in, &j).code;
    return j;
}

const struct lk_value *judgement_claim(const struct judgement *j, const char *name)
{
    for (size_t i = 0; i < lk_family_tpm.n_claims; i++)
        if (strcmp(lk_family_tpm.claims[i].name, name) == 0)
            return &j->values[i];
    must(false, name);
    return NULL;
}
