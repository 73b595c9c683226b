/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-evidence-snp: the collector for AMD SEV-SNP (docs/man/latchkey-evidence-snp.1, docs/collector-protocol.md). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/guest/collectors/serve.h"
#include "broker/guest/collectors/snp/source.h"

#define BINDING_LEN 64
#define EXIT_BROKEN 2 /* the caller does not speak the protocol */
#define EXIT_USAGE 64

struct collector {
    const char *tsm_root, *device;
    bool svsm;             /* the bundle wants the module's virtual TPM */
    struct lk_buf manifest; /* of the report that was given for this binding; empty: none was */
    uint8_t binding[BINDING_LEN];
};

static enum lk_device_status get_evidence(const struct collector *c, const struct lk_snp_request *r,
                                          struct lk_snp_evidence *evidence, struct lk_device_error *error)
{
    enum lk_device_status status = lk_snp_from_tsm(c->tsm_root, r, evidence, error);
    if (status != LK_DEVICE_NONE || r->svsm) /* the older interface does not know the module */
        return status;
    lk_snp_evidence_free(evidence);
    return lk_snp_from_device(c->device, r, evidence, error);
}

static void bundle(void *self, char *const *families, size_t n)
{
    struct collector *c = self;
    c->svsm = false;
    for (size_t i = 0; i < n; i++)
        c->svsm = c->svsm || strcmp(families[i], "svsm-vtpm") == 0;
}

static void keep_manifest(struct collector *c, struct lk_bytes binding, const struct lk_buf *manifest)
{
    c->manifest.len = 0;
    lk_put(&c->manifest, lk_buf_bytes(manifest));
    memcpy(c->binding, binding.data, sizeof(c->binding));
}

/* The manifest that came with the report for this binding: asked for together, so that they fit. */
static bool collect_manifest(struct collector *c, struct lk_bytes binding, struct lk_collector_item *item,
                             struct lk_collector_failure *f)
{
    if (c->manifest.len == 0 || !lk_bytes_eq(binding, LK_BYTES(c->binding)))
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "the item sev-snp of the same bundle comes first");
    lk_collector_put_part(item, "manifest", lk_buf_bytes(&c->manifest));
    lk_collector_put_part(item, "nonce", binding);
    return true;
}

static bool collect(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f)
{
    struct collector *c = self;
    if (binding.len != BINDING_LEN)
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "the binding has %d bytes", BINDING_LEN);
    if (strcmp(request->family, "svsm-vtpm") == 0)
        return collect_manifest(c, binding, item, f);
    struct lk_snp_request wanted = {.user_data = binding.data, .vmpl = request->vmpl, .n_vmpl = request->n_vmpl, .svsm = c->svsm};
    struct lk_snp_evidence evidence = {0};
    struct lk_device_error error = {{0}};
    enum lk_device_status status = get_evidence(c, &wanted, &evidence, &error);
    if (status == LK_DEVICE_OK) {
        keep_manifest(c, binding, &evidence.manifest);
        lk_collector_put_part(item, "report", lk_buf_bytes(&evidence.report));
        lk_collector_put_part(item, "certs", lk_buf_bytes(&evidence.certs));
    }
    lk_snp_evidence_free(&evidence);
    return status == LK_DEVICE_OK || lk_collector_fail_device(f, status, &error);
}

static const char *const families[] = {"sev-snp", "svsm-vtpm", NULL};
static const struct lk_collector_ops ops = {
    .program = "latchkey-evidence-snp", .families = families, .bundle = bundle, .collect = collect};

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
    struct collector c = {.tsm_root = "/sys/kernel/config/tsm", .device = "/dev/sev-guest", .manifest = lk_buf(LK_SNP_MANIFEST_MAX)};
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (opt == 'h' || opt == 'v')
            return fputs(opt == 'h' ? usage : "latchkey-evidence-snp " LK_VERSION "\n", stdout) < 0;
        if (opt == '?')
            return EXIT_USAGE;
        *(opt == 't' ? &c.tsm_root : &c.device) = optarg;
    }
    signal(SIGPIPE, SIG_IGN);
    lk_result r = lk_collector_serve(&ops, &c, STDIN_FILENO, STDOUT_FILENO);
    lk_buf_free(&c.manifest);
    if (lk_ok(r))
        return 0;
    fprintf(stderr, "latchkey-evidence-snp: %s\n", lk_reason(r.code)->text);
    return EXIT_BROKEN;
}
