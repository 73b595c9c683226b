/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-evidence-snp: the collector for AMD SEV-SNP (docs/man/latchkey-evidence-snp.1, docs/collector-protocol.md). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/guest/collectors/serve.h"
#include "broker/guest/collectors/snp/source.h"

#define BINDING_LEN 64
#define EXIT_BROKEN 2 /* the caller does not speak the protocol */
#define EXIT_USAGE 64

struct collector {
    const char *tsm_root, *device;
};

static enum lk_device_status get_evidence(const struct collector *c, const struct lk_snp_request *r,
                                          struct lk_snp_evidence *evidence, struct lk_device_error *error)
{
    enum lk_device_status status = lk_snp_from_tsm(c->tsm_root, r, evidence, error);
    if (status != LK_DEVICE_NONE)
        return status;
    lk_snp_evidence_free(evidence);
    return lk_snp_from_device(c->device, r, evidence, error);
}

static bool collect(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f)
{
    if (binding.len != BINDING_LEN)
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "the binding has %d bytes", BINDING_LEN);
    struct lk_snp_request wanted = {.user_data = binding.data, .vmpl = request->vmpl, .n_vmpl = request->n_vmpl};
    struct lk_snp_evidence evidence = {0};
    struct lk_device_error error = {{0}};
    enum lk_device_status status = get_evidence(self, &wanted, &evidence, &error);
    if (status == LK_DEVICE_OK) {
        lk_collector_put_part(item, "report", lk_buf_bytes(&evidence.report));
        lk_collector_put_part(item, "certs", lk_buf_bytes(&evidence.certs));
    }
    lk_snp_evidence_free(&evidence);
    return status == LK_DEVICE_OK || lk_collector_fail_device(f, status, &error);
}

static const char *const families[] = {"sev-snp", NULL};
static const struct lk_collector_ops ops = {
    .program = "latchkey-evidence-snp", .families = families, .collect = collect};

static const char usage[] =
    "usage: latchkey-evidence-snp [--tsm-root FOLDER] [--device PATH]\n\n"
    "Collects SEV-SNP evidence for latchkey-fetch, which starts it and talks to it over standard input and output.\n\n"
    "  --tsm-root FOLDER  configfs-tsm; default /sys/kernel/config/tsm\n"
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
    lk_result r = lk_collector_serve(&ops, &c, STDIN_FILENO, STDOUT_FILENO);
    if (lk_ok(r))
        return 0;
    fprintf(stderr, "latchkey-evidence-snp: %s\n", lk_reason(r.code)->text);
    return EXIT_BROKEN;
}
