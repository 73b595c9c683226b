/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-evidence-snp: the collector for AMD SEV-SNP (docs/collector-protocol.md). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/client/pack.h"
#include "broker/guest/collectors/frame.h"
#include "broker/guest/collectors/snp/source.h"
#include "collector.pb-c.h"

#define FAMILY "sev-snp"
#define BINDING_LEN 64
#define EXIT_BROKEN 2 /* the caller does not speak the protocol */
#define EXIT_USAGE 64

struct collector {
    const char *tsm_root, *device;
};

typedef Latchkey__V1__CollectorRequest request_t;
typedef Latchkey__V1__CollectorResponse response_t;

static bool respond(const response_t *response)
{
    LK_BUF_AUTO bytes = lk_buf(LK_COLLECTOR_FRAME_MAX);
    lk_client_pack(&bytes, response);
    return lk_ok(lk_buf_ok(&bytes)) && lk_ok(lk_collector_write(STDOUT_FILENO, 0, lk_buf_bytes(&bytes)));
}

static bool respond_error(const char *code, const char *text, bool retryable)
{
    Latchkey__V1__CollectorError error = LATCHKEY__V1__COLLECTOR_ERROR__INIT;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    error.code = (char *)(uintptr_t)code;
    error.text = (char *)(uintptr_t)text;
    error.retryable = retryable;
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR;
    response.error = &error;
    return respond(&response);
}

static bool describe(const struct collector *c, const request_t *request)
{
    (void)c, (void)request;
    char *families[] = {FAMILY};
    Latchkey__V1__CollectorDescription description = LATCHKEY__V1__COLLECTOR_DESCRIPTION__INIT;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    description.protocol = 1;
    description.program = "latchkey-evidence-snp";
    description.version = LK_VERSION;
    description.families = families;
    description.n_families = 1;
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_DESCRIPTION;
    response.description = &description;
    return respond(&response);
}

static bool unsupported(const struct collector *c, const request_t *request)
{
    (void)c, (void)request;
    return respond_error("UNSUPPORTED", "SEV-SNP has no such call", false);
}

static bool respond_item(const struct lk_snp_evidence *e)
{
    Latchkey__V1__EvidencePart parts[2], *list[2] = {&parts[0], &parts[1]};
    latchkey__v1__evidence_part__init(&parts[0]);
    latchkey__v1__evidence_part__init(&parts[1]);
    parts[0].name = "report";
    parts[0].data = lk_client_bin(lk_buf_bytes(&e->report));
    parts[1].name = "certs";
    parts[1].data = lk_client_bin(lk_buf_bytes(&e->certs));
    Latchkey__V1__EvidenceItem item = LATCHKEY__V1__EVIDENCE_ITEM__INIT;
    item.family = FAMILY;
    item.parts = list;
    item.n_parts = e->certs.len > 0 ? 2 : 1;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ITEM;
    response.item = &item;
    return respond(&response);
}

static enum lk_snp_status get_evidence(const struct collector *c, const struct lk_snp_request *r,
                                       struct lk_snp_evidence *evidence, struct lk_snp_error *error)
{
    enum lk_snp_status status = lk_snp_from_tsm(c->tsm_root, r, evidence, error);
    if (status != LK_SNP_NO_DEVICE || c->device == NULL)
        return status;
    lk_snp_evidence_free(evidence);
    return lk_snp_from_device(c->device, r, evidence, error);
}

static bool collect(const struct collector *c, const request_t *request)
{
    const Latchkey__V1__CollectorCollect *call = request->collect;
    if (call->binding.len != BINDING_LEN)
        return respond_error("BAD_REQUEST", "the binding has 64 bytes", false);
    if (call->request == NULL || strcmp(call->request->family, FAMILY) != 0)
        return respond_error("UNSUPPORTED", "the family here is " FAMILY, false);
    static const char *const codes[] = {
        [LK_SNP_NO_DEVICE] = "NO_DEVICE", [LK_SNP_FAILED] = "DEVICE", [LK_SNP_BUSY] = "DEVICE_BUSY"};
    struct lk_snp_request wanted = {
        .user_data = call->binding.data, .vmpl = call->request->vmpl, .n_vmpl = call->request->n_vmpl};
    struct lk_snp_evidence evidence = {0};
    struct lk_snp_error error = {0};
    enum lk_snp_status status = get_evidence(c, &wanted, &evidence, &error);
    bool ok = status == LK_SNP_OK ? respond_item(&evidence)
                                  : respond_error(codes[status], error.text, status == LK_SNP_BUSY);
    lk_snp_evidence_free(&evidence);
    return ok;
}

static bool (*const calls[])(const struct collector *c, const request_t *request) = {
    [LATCHKEY__V1__COLLECTOR_REQUEST__CALL_DESCRIBE] = describe,
    [LATCHKEY__V1__COLLECTOR_REQUEST__CALL_IDENTIFY] = unsupported,
    [LATCHKEY__V1__COLLECTOR_REQUEST__CALL_ACTIVATE] = unsupported,
    [LATCHKEY__V1__COLLECTOR_REQUEST__CALL_COLLECT] = collect,
};
#define CALLS (sizeof(calls) / sizeof(*calls))

static bool answer(const struct collector *c, const struct lk_buf *bytes)
{
    request_t *request = latchkey__v1__collector_request__unpack(NULL, bytes->len, bytes->data);
    if (request == NULL)
        return false;
    bool known = (size_t)request->call_case < CALLS && calls[request->call_case] != NULL;
    bool ok = known ? calls[request->call_case](c, request) : unsupported(c, request);
    latchkey__v1__collector_request__free_unpacked(request, NULL);
    return ok;
}

/* Answers until the end of input. */
static int serve(const struct collector *c)
{
    LK_BUF_AUTO bytes = lk_buf(LK_COLLECTOR_FRAME_MAX);
    for (;;) {
        lk_result r = lk_collector_read(STDIN_FILENO, 0, &bytes);
        if (r.code == LK_R_FRAME_CLOSED)
            return 0;
        if (!lk_ok(r) || !answer(c, &bytes))
            return EXIT_BROKEN;
    }
}

static const char usage[] =
    "usage: latchkey-evidence-snp [--tsm-root FOLDER] [--device PATH]\n\n"
    "Speaks the collector protocol on standard input and output: latchkey-fetch starts it.\n"
    "  --tsm-root FOLDER  default /sys/kernel/config/tsm\n"
    "  --device PATH      when that is not there; default /dev/sev-guest\n";

int main(int argc, char **argv)
{
    static const struct option table[] = {{"tsm-root", required_argument, NULL, 't'},
                                          {"device", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'v'},
                                          {0}};
    struct collector c = {.tsm_root = "/sys/kernel/config/tsm", .device = "/dev/sev-guest"};
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (opt == 'h' || opt == 'v')
            return fputs(opt == 'h' ? usage : "latchkey-evidence-snp " LK_VERSION "\n", stdout) < 0;
        if (opt == '?')
            return EXIT_USAGE;
        *(opt == 't' ? &c.tsm_root : &c.device) = optarg;
    }
    signal(SIGPIPE, SIG_IGN);
    return serve(&c);
}
