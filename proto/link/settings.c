/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* "name value": a name of [a-z0-9-], one blank, a value without control characters. */
static bool line_ok(const char *line, size_t len)
{
    size_t name = 0;
    while (name < len && (islower((unsigned char)line[name]) || isdigit((unsigned char)line[name]) || line[name] == '-'))
        name++;
    if (name == 0 || name + 1 >= len || line[name] != ' ')
        return false;
    for (size_t i = name; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            return false;
    return true;
}

static bool split_lines(char *text, size_t len)
{
    for (char *at = text; at < text + len;) {
        char *end = memchr(at, '\n', (size_t)(text + len - at));
        if (end == NULL || !line_ok(at, (size_t)(end - at)))
            return false;
        *end = '\0';
        at = end + 1;
    }
    return true;
}

lk_result lk_settings_parse(struct lk_bytes text, struct lk_settings *s)
{
    *s = (struct lk_settings){0};
    LK_REQUIRE(text.len <= LK_SETTINGS_MAX, CONFIG);
    char *copy = malloc(text.len + 1);
    LK_REQUIRE(copy != NULL, MEMORY);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (!split_lines(copy, text.len)) {
        free(copy);
        return LK_FAIL(CONFIG);
    }
    *s = (struct lk_settings){copy, text.len};
    return LK_OK;
}

void lk_settings_free(struct lk_settings *s)
{
    free(s->text);
    *s = (struct lk_settings){0};
}

static lk_result read_whole(int fd, uint8_t *at, size_t len)
{
    for (size_t have = 0; have < len;) {
        ssize_t r = pread(fd, at + have, len - have, (off_t)have);
        if (r < 0 && errno == EINTR)
            continue;
        LK_REQUIRE(r > 0, IO);
        have += (size_t)r;
    }
    return LK_OK;
}

static lk_result read_memfd(int fd, struct lk_settings *s)
{
    struct stat st;
    LK_REQUIRE(fstat(fd, &st) == 0, IO);
    LK_REQUIRE(S_ISREG(st.st_mode) && st.st_size >= 0 && st.st_size <= (off_t)LK_SETTINGS_MAX, CONFIG);
    size_t len = (size_t)st.st_size;
    uint8_t *text = malloc(len + 1);
    LK_REQUIRE(text != NULL, MEMORY);
    lk_result r = read_whole(fd, text, len);
    if (lk_ok(r))
        r = lk_settings_parse(lk_bytes(text, len), s);
    free(text);
    return r;
}

lk_result lk_settings_read(int fd, struct lk_settings *s)
{
    *s = (struct lk_settings){0};
    lk_result r = read_memfd(fd, s);
    close(fd);
    return r;
}

const char *lk_settings_next(const struct lk_settings *s, const char *name, size_t *at)
{
    size_t n = strlen(name);
    while (*at < s->len) {
        const char *line = s->text + *at;
        *at += strlen(line) + 1;
        if (strncmp(line, name, n) == 0 && line[n] == ' ')
            return line + n + 1;
    }
    return NULL;
}

const char *lk_settings_text(const struct lk_settings *s, const char *name)
{
    size_t at = 0;
    return lk_settings_next(s, name, &at);
}

lk_result lk_settings_uint(const struct lk_settings *s, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
    const char *text = lk_settings_text(s, name);
    LK_REQUIRE(text != NULL && isdigit((unsigned char)*text), CONFIG);
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    LK_REQUIRE(errno == 0 && *end == '\0' && v >= min && v <= max, CONFIG);
    *out = v;
    return LK_OK;
}

bool lk_settings_strict(const struct lk_settings *s)
{
    const char *text = lk_settings_text(s, "sandbox");
    return text != NULL && strcmp(text, "strict") == 0;
}

enum lk_log_level lk_settings_log_level(const struct lk_settings *s)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const char *text = lk_settings_text(s, "log-level");
    for (unsigned i = 0; text != NULL && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i]) == 0)
            return (enum lk_log_level)i;
    return LK_LOG_INFO;
}

lk_result lk_settings_memfd(struct lk_bytes text, int *fd)
{
    *fd = memfd_create("latchkey-settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    LK_REQUIRE(*fd != -1, IO);
    ssize_t r = pwrite(*fd, text.data, text.len, 0);
    if (r == (ssize_t)text.len &&
        fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
        return LK_OK;
    close(*fd);
    *fd = -1;
    return LK_FAIL(IO);
}
