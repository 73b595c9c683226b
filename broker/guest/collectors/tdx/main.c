/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-evidence-tdx: the collector for Intel TDX (docs/man/latchkey-evidence-tdx.1, docs/collector-protocol.md). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/guest/collectors/serve.h"
#include "broker/guest/collectors/tsm.h"
#include "proto/base/file.h"

#define EXIT_BROKEN 2 /* the caller does not speak the protocol */
#define EXIT_USAGE 64

struct collector {
    const char *tsm_root, *ccel;
};

static bool collect_quote(const struct collector *c, struct lk_bytes binding, struct lk_collector_item *item,
                          struct lk_collector_failure *f)
{
    struct lk_tsm t;
    struct lk_device_error error = {{0}};
    LK_BUF_AUTO quote = lk_buf(LK_TSM_OUTBLOB_MAX);
    enum lk_device_status status = lk_tsm_open(&t, c->tsm_root, "tdx_guest", &error);
    if (status == LK_DEVICE_OK)
        status = lk_tsm_report(&t, binding.data, &quote, NULL, NULL);
    lk_tsm_close(&t);
    if (status != LK_DEVICE_OK)
        return lk_collector_fail_device(f, status, &error);
    if (quote.len == 0)
        return lk_collector_fail(f, LK_COLLECTOR_DEVICE, "%s gave an empty quote", c->tsm_root);
    lk_collector_put_part(item, "quote", lk_buf_bytes(&quote));
    return true;
}

/* The log area of the ACPI table CCEL, padding and all, as the kernel shows it. */
static bool collect_log(const struct collector *c, struct lk_collector_item *item, struct lk_collector_failure *f)
{
    LK_BUF_AUTO log = lk_buf(LK_COLLECTOR_PART_MAX);
    int fd = open(c->ccel, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lk_collector_fail(f, LK_COLLECTOR_NO_DEVICE, "opening %s: %s", c->ccel, strerror(errno));
    bool ok = lk_file_read(fd, &log);
    int error = errno;
    close(fd);
    if (!ok)
        return lk_collector_fail(f, LK_COLLECTOR_DEVICE, "reading %s: %s", c->ccel, strerror(error));
    if (!lk_ok(lk_buf_ok(&log)) || log.len == 0)
        return lk_collector_fail(f, LK_COLLECTOR_DEVICE, "%s is %s", c->ccel, log.len == 0 ? "empty" : "larger than 1 MiB");
    lk_collector_put_part(item, "ccel", lk_buf_bytes(&log));
    return true;
}

static bool collect(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f)
{
    return strcmp(request->family, "tdx") == 0 ? collect_quote(self, binding, item, f) : collect_log(self, item, f);
}

static const char *const families[] = {"tdx", "eventlog", NULL};
static const struct lk_collector_ops ops = {
    .program = "latchkey-evidence-tdx", .families = families, .collect = collect};

static const char usage[] =
    "usage: latchkey-evidence-tdx [--tsm-root FOLDER] [--ccel FILE]\n\n"
    "Collects TDX evidence for latchkey-fetch, which starts it and talks to it over standard input and output.\n\n"
    "  --tsm-root FOLDER  configfs-tsm; default /sys/kernel/config/tsm\n"
    "  --ccel FILE        event log of the firmware; default /sys/firmware/acpi/tables/data/CCEL\n";

int main(int argc, char **argv)
{
    static const struct option table[] = {{"tsm-root", required_argument, NULL, 't'},
                                          {"ccel", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'v'},
                                          {0}};
    struct collector c = {.tsm_root = "/sys/kernel/config/tsm", .ccel = "/sys/firmware/acpi/tables/data/CCEL"};
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (opt == 'h' || opt == 'v')
            return fputs(opt == 'h' ? usage : "latchkey-evidence-tdx " LK_VERSION "\n", stdout) < 0;
        if (opt == '?')
            return EXIT_USAGE;
        *(opt == 't' ? &c.tsm_root : &c.ccel) = optarg;
    }
    signal(SIGPIPE, SIG_IGN);
    lk_result r = lk_collector_serve(&ops, &c, STDIN_FILENO, STDOUT_FILENO);
    if (lk_ok(r))
        return 0;
    fprintf(stderr, "latchkey-evidence-tdx: %s\n", lk_reason(r.code)->text);
    return EXIT_BROKEN;
}
