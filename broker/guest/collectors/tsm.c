/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/clock.h"
#include "proto/base/file.h"

#define USER_DATA_LEN 64
#define PATIENCE_MS 15000u /* a TDX quote goes through the host */
#define AUXBLOB_MS 200u
#define NUMBER_MS 1000u

static bool path_of(const struct lk_tsm *t, const char *attribute, char path[static PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", t->folder, attribute) < PATH_MAX;
}

/* The kernel asks to try again while firmware or host are busy; an emulated folder has no outblob until it is made. */
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
    out->len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool whole = lk_file_read(fd, out);
    int error = errno;
    close(fd);
    errno = error;
    return whole;
}

static bool read_attribute(const struct lk_tsm *t, const char *name, uint64_t patience_ms, struct lk_buf *out)
{
    char path[PATH_MAX];
    uint64_t until = lk_clock_mono_ms() + patience_ms;
    if (!path_of(t, name, path))
        return false;
    while (!read_once(path, out)) {
        if (!may_come(errno) || lk_clock_mono_ms() >= until)
            return false;
        pause_a_little();
    }
    errno = 0;
    return lk_ok(lk_buf_ok(out));
}

static bool write_once(const char *path, struct lk_bytes value)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = write(fd, value.data, value.len) == (ssize_t)value.len;
    int error = errno;
    ok = close(fd) == 0 && ok;
    errno = error;
    return ok;
}

bool lk_tsm_write(struct lk_tsm *t, const char *name, struct lk_bytes value)
{
    char path[PATH_MAX];
    uint64_t until = lk_clock_mono_ms() + PATIENCE_MS;
    if (!path_of(t, name, path))
        return false;
    while (!write_once(path, value)) {
        if (!may_come(errno) || errno == ENOENT || lk_clock_mono_ms() >= until)
            return false;
        pause_a_little();
    }
    t->writes++;
    return true;
}

bool lk_tsm_number(const struct lk_tsm *t, const char *name, unsigned long *out)
{
    LK_BUF_AUTO text = lk_buf(64);
    if (!read_attribute(t, name, NUMBER_MS, &text))
        return false;
    lk_put_u8(&text, '\0');
    char *end = NULL;
    *out = strtoul((const char *)text.data, &end, 10);
    return end != (const char *)text.data;
}

static bool provided_by(const struct lk_tsm *t, const char *provider)
{
    LK_BUF_AUTO text = lk_buf(64);
    size_t n = strlen(provider);
    return read_attribute(t, "provider", NUMBER_MS, &text) && text.len == n + 1 && text.data[n] == '\n' &&
           memcmp(text.data, provider, n) == 0;
}

/* Another name where one of ours was left: by a process of the same number, or by an earlier report of this one. */
static bool make_folder(struct lk_tsm *t, const char *root)
{
    for (unsigned i = 0; i < 4; i++) {
        char suffix[16] = "";
        if (i > 0)
            snprintf(suffix, sizeof(suffix), "-%u", i);
        if (snprintf(t->folder, sizeof(t->folder), "%s/report/latchkey-%d%s", root, (int)getpid(), suffix) >= (int)sizeof(t->folder))
            return false;
        if (mkdir(t->folder, 0700) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

enum lk_device_status lk_tsm_open(struct lk_tsm *t, const char *root, const char *provider, struct lk_device_error *e)
{
    *t = (struct lk_tsm){.e = e};
    errno = 0;
    if (!make_folder(t, root)) {
        t->folder[0] = '\0';
        return lk_device_error_set(e, LK_DEVICE_NONE, "creating a folder in %s/report", root);
    }
    if (provided_by(t, provider))
        return LK_DEVICE_OK;
    errno = 0;
    return lk_device_error_set(e, LK_DEVICE_NONE, "%s has another provider than %s", root, provider);
}

void lk_tsm_close(struct lk_tsm *t)
{
    if (t->folder[0] != '\0')
        (void)rmdir(t->folder); /* what is left of it is empty and harmless */
}

static enum lk_device_status check_generation(const struct lk_tsm *t)
{
    unsigned long generation = 0;
    if (!lk_tsm_number(t, "generation", &generation))
        return lk_device_error_set(t->e, LK_DEVICE_FAILED, "reading generation");
    errno = 0;
    if (generation == t->writes)
        return LK_DEVICE_OK;
    return lk_device_error_set(t->e, LK_DEVICE_BUSY, "another program wrote to %s", t->folder);
}

enum lk_device_status lk_tsm_report(struct lk_tsm *t, const uint8_t user_data[static 64], struct lk_buf *outblob,
                                    struct lk_buf *auxblob, struct lk_buf *manifestblob)
{
    if (!lk_tsm_write(t, "inblob", lk_bytes(user_data, USER_DATA_LEN)))
        return lk_device_error_set(t->e, may_come(errno) ? LK_DEVICE_BUSY : LK_DEVICE_FAILED, "writing inblob");
    if (!read_attribute(t, "outblob", PATIENCE_MS, outblob))
        return lk_device_error_set(t->e, may_come(errno) ? LK_DEVICE_BUSY : LK_DEVICE_FAILED, "reading outblob");
    if (auxblob != NULL && !read_attribute(t, "auxblob", AUXBLOB_MS, auxblob))
        auxblob->len = 0;
    if (manifestblob != NULL && !read_attribute(t, "manifestblob", NUMBER_MS, manifestblob))
        return lk_device_error_set(t->e, LK_DEVICE_FAILED, "reading manifestblob: is there an SVSM?");
    return check_generation(t);
}
