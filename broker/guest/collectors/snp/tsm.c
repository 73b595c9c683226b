/* SPDX-License-Identifier: Apache-2.0 */
/* configfs-tsm: mkdir report/NAME, write privlevel and inblob, read outblob and auxblob, see that nobody wrote in between. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/guest/collectors/snp/source.h"
#include "proto/base/clock.h"

#define OUTBLOB_MAX (32u << 10) /* TSM_OUTBLOB_MAX */
#define PATIENCE_MS 10000u

struct tsm {
    char folder[PATH_MAX];
    unsigned writes; /* ours: what `generation` must say at the end */
    struct lk_snp_error *e;
};

static bool path_of(const struct tsm *t, const char *attribute, char path[static PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", t->folder, attribute) < PATH_MAX;
}

/* The kernel asks to try again while the firmware is busy; an emulated folder has no outblob until it is made. */
static bool may_come(int error)
{
    return error == EBUSY || error == EINTR || error == ETIMEDOUT || error == EAGAIN || error == ENOENT;
}

static void pause_a_little(void)
{
    const struct timespec t = {.tv_nsec = 20000000};
    nanosleep(&t, NULL);
}

static bool read_once(const char *path, struct lk_buf *out)
{
    uint8_t piece[4096];
    ssize_t n;
    out->len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while ((n = read(fd, piece, sizeof(piece))) > 0)
        lk_put(out, lk_bytes(piece, (size_t)n));
    int error = errno;
    close(fd);
    errno = error;
    return n == 0;
}

static bool read_attribute(const struct tsm *t, const char *name, uint64_t until, struct lk_buf *out)
{
    char path[PATH_MAX];
    if (!path_of(t, name, path))
        return false;
    while (!read_once(path, out)) {
        if (!may_come(errno) || lk_clock_mono_ms() >= until)
            return false;
        pause_a_little();
    }
    return lk_ok(lk_buf_ok(out));
}

/* In one write, as the interface asks. */
static bool write_attribute(struct tsm *t, const char *name, struct lk_bytes value)
{
    char path[PATH_MAX];
    int fd = path_of(t, name, path) ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return false;
    bool ok = write(fd, value.data, value.len) == (ssize_t)value.len;
    ok = close(fd) == 0 && ok;
    t->writes += ok;
    return ok;
}

static bool read_number(const struct tsm *t, const char *name, uint64_t until, unsigned long *out)
{
    LK_BUF_AUTO text = lk_buf(64);
    if (!read_attribute(t, name, until, &text))
        return false;
    lk_put_u8(&text, '\0');
    char *end = NULL;
    *out = strtoul((const char *)text.data, &end, 10);
    return end != (const char *)text.data;
}

static bool is_sev_guest(const struct tsm *t)
{
    LK_BUF_AUTO provider = lk_buf(64);
    uint64_t until = lk_clock_mono_ms() + 1000;
    return read_attribute(t, "provider", until, &provider) &&
           lk_bytes_eq(lk_buf_bytes(&provider), lk_bytes_str("sev_guest\n"));
}

/* The least allowed VMPL at or above the floor that this kernel runs at. */
static enum lk_snp_status set_vmpl(struct tsm *t, const struct lk_snp_request *r)
{
    if (r->n_vmpl == 0)
        return LK_SNP_OK;
    unsigned long floor = 0, best = ULONG_MAX;
    if (!read_number(t, "privlevel_floor", lk_clock_mono_ms() + 1000, &floor))
        floor = 0; /* an older kernel: it will refuse what it cannot */
    for (size_t i = 0; i < r->n_vmpl; i++)
        if (r->vmpl[i] >= floor && r->vmpl[i] < best)
            best = r->vmpl[i];
    errno = 0;
    if (best > 3)
        return lk_snp_error_set(t->e, LK_SNP_FAILED, "the policy allows no VMPL at or above this kernel's, %lu", floor);
    char text[8];
    int len = snprintf(text, sizeof(text), "%lu", best);
    if (!write_attribute(t, "privlevel", lk_bytes(text, (size_t)len)))
        return lk_snp_error_set(t->e, LK_SNP_FAILED, "writing privlevel %lu", best);
    return LK_SNP_OK;
}

static enum lk_snp_status blobs(struct tsm *t, const struct lk_snp_request *r, struct lk_snp_evidence *out)
{
    uint64_t until = lk_clock_mono_ms() + PATIENCE_MS;
    unsigned long generation = 0;
    if (!write_attribute(t, "inblob", lk_bytes(r->user_data, 64)))
        return lk_snp_error_set(t->e, errno == EBUSY ? LK_SNP_BUSY : LK_SNP_FAILED, "writing inblob");
    if (!read_attribute(t, "outblob", until, &out->report))
        return lk_snp_error_set(t->e, may_come(errno) ? LK_SNP_BUSY : LK_SNP_FAILED, "reading outblob");
    if (!read_attribute(t, "auxblob", lk_clock_mono_ms() + 200, &out->certs))
        out->certs.len = 0; /* a host that gives no certificates */
    if (!read_number(t, "generation", until, &generation))
        return lk_snp_error_set(t->e, LK_SNP_FAILED, "reading generation");
    errno = 0;
    if (generation != t->writes)
        return lk_snp_error_set(t->e, LK_SNP_BUSY, "another program wrote to %s", t->folder);
    if (out->report.len != LK_SNP_REPORT_LEN)
        return lk_snp_error_set(t->e, LK_SNP_FAILED, "a report of %zu bytes, not %d", out->report.len, LK_SNP_REPORT_LEN);
    return LK_SNP_OK;
}

enum lk_snp_status lk_snp_from_tsm(const char *root, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                   struct lk_snp_error *e)
{
    struct tsm t = {.e = e};
    out->report = lk_buf(OUTBLOB_MAX);
    out->certs = lk_buf(LK_SNP_CERTS_MAX);
    if (snprintf(t.folder, sizeof(t.folder), "%s/report/latchkey-%d", root, (int)getpid()) >= (int)sizeof(t.folder) ||
        mkdir(t.folder, 0700) != 0)
        return lk_snp_error_set(e, LK_SNP_NO_DEVICE, "creating a folder in %s/report", root);
    errno = 0;
    enum lk_snp_status status = is_sev_guest(&t) ? set_vmpl(&t, r)
                                                 : lk_snp_error_set(e, LK_SNP_NO_DEVICE, "%s is not of an SEV guest", root);
    if (status == LK_SNP_OK)
        status = blobs(&t, r, out);
    (void)rmdir(t.folder); /* what is left of it is empty and harmless */
    return status;
}
