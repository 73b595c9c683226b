/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/luks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "broker/client/child.h"
#include "broker/guest/fetch/luks_header.h"
#include "proto/base/clock.h"

#define CRYPTSETUP_MS 120000u /* argon2 on a small machine */
#define DEVICE_MS 30000u      /* for a device node to appear */
#define OUTPUT_MAX 4096
#define COPY_NAME "latchkey-header-XXXXXX"

/* The beginning of a device, and its copy as a file in memory for cryptsetup. */
struct copy {
    uint8_t *area;
    size_t len; /* what the device has of LK_LUKS_AREA_MAX */
    struct lk_luks_header header;
    char path[64];
};

static lk_result failed(const char *what, const char *path)
{
    fprintf(stderr, "latchkey-fetch: %s %s: %s\n", what, path, strerror(errno));
    return LK_FAIL(OUTPUT);
}

static lk_result read_area(const char *path, struct copy *c)
{
    c->area = malloc(LK_LUKS_AREA_MAX);
    LK_REQUIRE(c->area != NULL, MEMORY);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed("opening", path);
    ssize_t n = 1;
    for (c->len = 0; n > 0 && c->len < LK_LUKS_AREA_MAX; c->len += n > 0 ? (size_t)n : 0)
        n = pread(fd, c->area + c->len, LK_LUKS_AREA_MAX - c->len, (off_t)c->len);
    lk_result r = n < 0 ? failed("reading", path) : LK_OK;
    close(fd);
    return r;
}

static lk_result tell(const char *device, const struct copy *c, lk_result r)
{
    if (!lk_ok(r))
        fprintf(stderr, "latchkey-fetch: %s: LUKS2 header: %s\n", device, c->header.flaw);
    return r;
}

static lk_result judge(const char *device, struct copy *c)
{
    return tell(device, c, lk_luks_check(c->area, c->len, &c->header));
}

static bool write_at(int fd, const uint8_t *data, size_t from, size_t to)
{
    for (size_t done = from; done < to;) {
        ssize_t n = pwrite(fd, data + done, to - done, (off_t)done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool is_in_memory(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static int make_file(char path[static 64])
{
    static const char *const folders[] = {"/run", "/dev/shm", "/tmp"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        snprintf(path, 64, "%s/" COPY_NAME, folders[i]);
        int fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0 && is_in_memory(fd))
            return fd;
        if (fd >= 0) {
            unlink(path);
            close(fd);
        }
    }
    path[0] = '\0';
    errno = ENOSPC;
    return -1;
}

static lk_result put_copy(struct copy *c)
{
    int fd = make_file(c->path);
    if (fd < 0)
        return failed("making a file in memory in", "/run, /dev/shm or /tmp");
    bool ok = write_at(fd, c->area, 0, c->header.area_len);
    ok = close(fd) == 0 && ok;
    return ok ? LK_OK : failed("writing", c->path);
}

static void drop_copy(struct copy *c)
{
    if (c->path[0] != '\0')
        unlink(c->path);
    free(c->area);
    *c = (struct copy){.area = NULL};
}

static lk_result take_copy(const char *device, struct copy *c)
{
    LK_TRY(read_area(device, c));
    LK_TRY(judge(device, c));
    return put_copy(c);
}

static lk_result cryptsetup(const char *const *argv, struct lk_bytes key)
{
    LK_BUF_AUTO said = lk_buf(OUTPUT_MAX);
    return lk_child_run(argv, key, lk_clock_mono_ms() + CRYPTSETUP_MS, &said);
}

/* Whether the key opens a header; nothing is mapped. */
static bool opens(const char *header, struct lk_bytes key)
{
    const char *const argv[] = {"cryptsetup", "open", "--test-passphrase", "--type", "luks2", "--key-file=-", header, NULL};
    return lk_ok(cryptsetup(argv, key));
}

static bool is_uuid(const struct lk_target *t, const struct copy *c)
{
    return t->uuid[0] == '\0' || strcmp(t->uuid, c->header.uuid) == 0;
}

static lk_result map(const struct lk_target *t, const struct copy *c, struct lk_bytes key)
{
    const char *const argv[] = {"cryptsetup", "open", "--type", "luks2", "--key-file=-", "--header", c->path, t->path, t->name, NULL};
    LK_REQUIRE(is_uuid(t, c), LUKS_UUID);
    LK_REQUIRE(lk_ok(cryptsetup(argv, key)), LUKS_OPEN);
    return LK_OK;
}

lk_result lk_luks_inspect(const struct lk_target *target)
{
    struct copy c = {.area = NULL};
    lk_result r = read_area(target->path, &c);
    if (lk_ok(r))
        r = tell(target->path, &c, lk_luks_check_in_place(c.area, c.len, &c.header));
    if (lk_ok(r) && !is_uuid(target, &c))
        r = LK_FAIL(LUKS_UUID);
    drop_copy(&c);
    return r;
}

/* At boot a disk may come later than the network. */
static void wait_for_device(const char *path)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    uint64_t until = lk_clock_mono_ms() + DEVICE_MS;
    while (access(path, F_OK) != 0 && errno == ENOENT && lk_clock_mono_ms() < until)
        nanosleep(&pause, NULL);
}

lk_result lk_luks_open(const struct lk_target *target, struct lk_bytes key)
{
    char mapped[sizeof("/dev/mapper/") + LK_TARGET_NAME_MAX];
    snprintf(mapped, sizeof(mapped), "/dev/mapper/%s", target->name);
    if (access(mapped, F_OK) == 0) {
        fprintf(stderr, "latchkey-fetch: %s is open already\n", mapped);
        return LK_OK;
    }
    struct copy c = {.area = NULL};
    wait_for_device(target->path);
    lk_result r = take_copy(target->path, &c);
    if (lk_ok(r))
        r = map(target, &c, key);
    drop_copy(&c);
    return r;
}

static lk_result add_slot(const struct lk_luks_enrol *e, const struct copy *c, struct lk_bytes key)
{
    /* The secret has all its strength by itself: the least work that LUKS2 allows costs nothing. */
    const char *const argv[] = {"cryptsetup", "luksAddKey", "--batch-mode", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations",
                                "1000", "--key-file", e->existing_key, c->path, "/dev/stdin", NULL};
    LK_REQUIRE(e->existing_key != NULL && lk_ok(cryptsetup(argv, key)), LUKS_KEY);
    return LK_OK;
}

/* In this order a crash at any place leaves a header with a right checksum, and all key slots that it names. */
static bool write_back(int fd, const struct copy *c)
{
    size_t header = c->header.header_len;
    return write_at(fd, c->area, 2 * header, c->header.area_len) && fsync(fd) == 0 &&
           write_at(fd, c->area, header, 2 * header) && fsync(fd) == 0 && write_at(fd, c->area, 0, header) && fsync(fd) == 0;
}

static lk_result put_back(const char *device, const struct copy *c)
{
    int fd = open(device, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return failed("opening", device);
    bool ok = write_back(fd, c);
    ok = close(fd) == 0 && ok;
    return ok ? LK_OK : failed("writing", device);
}

/* What cryptsetup made of the copy: judged in one memory, written from another, which has its second header too. */
static lk_result return_copy(const char *device, const struct copy *c)
{
    struct copy judged = {.area = NULL}, whole = {.area = NULL};
    lk_result r = read_area(c->path, &whole);
    if (lk_ok(r))
        r = read_area(c->path, &judged);
    if (lk_ok(r))
        r = judge(device, &judged);
    whole.header = judged.header;
    if (lk_ok(r))
        r = put_back(device, &whole);
    drop_copy(&judged);
    drop_copy(&whole);
    return r;
}

static lk_result enrol_header(const struct lk_luks_enrol *e, struct copy *c, struct lk_bytes key)
{
    LK_TRY(put_copy(c));
    if (opens(c->path, key))
        return LK_OK;
    LK_TRY(add_slot(e, c, key));
    LK_REQUIRE(opens(c->path, key), LUKS_OPEN);
    return return_copy(e->device, c);
}

static lk_result format(const char *device, struct lk_bytes key)
{
    const char *const argv[] = {"cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--cipher", "aes-xts-plain64",
                                "--key-size", "512", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file=-",
                                device, NULL};
    LK_REQUIRE(lk_ok(cryptsetup(argv, key)), LUKS_OPEN);
    return LK_OK;
}

/* The last word: the device as it is now, opened with the key. */
static lk_result verify(const char *device, struct lk_bytes key)
{
    struct copy c = {.area = NULL};
    lk_result r = take_copy(device, &c);
    if (lk_ok(r) && !opens(c.path, key))
        r = LK_FAIL(LUKS_OPEN);
    drop_copy(&c);
    return r;
}

static lk_result enrol(const struct lk_luks_enrol *e, struct copy *c, struct lk_bytes key)
{
    LK_TRY(read_area(e->device, c));
    bool blank = c->len > LK_LUKS_SECONDARY_MAX && lk_bytes_zero(lk_bytes(c->area, c->len));
    if (!blank) {
        lk_result r = lk_luks_check(c->area, c->len, &c->header);
        bool empty = lk_ok(r) && c->header.keyslots == 0; /* formatted, and then the power went: nothing can open it */
        if (lk_ok(r) && !empty)
            return enrol_header(e, c, key);
        if (!lk_ok(r))
            fprintf(stderr, "latchkey-fetch: %s: no LUKS2 header to be used (%s)\n", e->device, c->header.flaw);
        LK_REQUIRE(empty, LUKS_NOT_BLANK);
    }
    LK_REQUIRE(e->format, LUKS_NOT_FORMATTED);
    return format(e->device, key);
}

lk_result lk_luks_enrol(const struct lk_luks_enrol *e, struct lk_bytes key)
{
    struct copy c = {.area = NULL};
    lk_result r = enrol(e, &c, key);
    drop_copy(&c);
    LK_TRY(r);
    return verify(e->device, key);
}
