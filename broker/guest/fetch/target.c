/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/target.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool copy(char *out, size_t size, const char *text, size_t len)
{
    if (len == 0 || len >= size)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* Digits only, the whole text. */
static bool number(const char *text, size_t len, int base, unsigned long max, unsigned long *out)
{
    char digits[16], *end = NULL;
    if (!copy(digits, sizeof(digits), text, len) || digits[0] < '0' || digits[0] > '9')
        return false;
    *out = strtoul(digits, &end, base);
    return *end == '\0' && *out <= max;
}

static bool take_mode(struct lk_target *t, const char *v, size_t len)
{
    unsigned long mode;
    bool ok = number(v, len, 8, 0777, &mode);
    t->mode = ok ? (mode_t)mode : t->mode;
    return ok;
}

static bool take_owner(struct lk_target *t, const char *v, size_t len)
{
    const char *colon = memchr(v, ':', len);
    size_t n = colon == NULL ? len : (size_t)(colon - v);
    unsigned long uid, gid = (unsigned long)-1;
    if (!number(v, n, 10, UINT_MAX - 1, &uid) || (colon != NULL && !number(colon + 1, len - n - 1, 10, UINT_MAX - 1, &gid)))
        return false;
    t->owner = (uid_t)uid;
    t->group = (gid_t)gid;
    return t->has_owner = true;
}

static bool take_on_disk(struct lk_target *t, const char *v, size_t len)
{
    (void)v;
    t->in_memory = false;
    return len == 0;
}

/* A file in /run/cryptsetup-keys.d and an entry of /dev/mapper: no path, no hidden file. */
static bool is_name(const char *text, size_t len)
{
    return len > 0 && text[0] != '.' && memchr(text, '/', len) == NULL;
}

static bool take_name(struct lk_target *t, const char *v, size_t len)
{
    return is_name(v, len) && copy(t->name, sizeof(t->name), v, len);
}

static bool take_uuid(struct lk_target *t, const char *v, size_t len)
{
    return copy(t->uuid, sizeof(t->uuid), v, len);
}

static bool take_device(struct lk_target *t, const char *v, size_t len)
{
    return len > 0 && v[0] == '/' && copy(t->path, sizeof(t->path), v, len);
}

struct setting {
    const char *name; /* with its "=" */
    bool (*take)(struct lk_target *t, const char *value, size_t len);
};
static const struct setting file_settings[] = {{"mode=", take_mode}, {"owner=", take_owner}, {"on-disk", take_on_disk}, {0}};
static const struct setting luks_settings[] = {{"name=", take_name}, {"uuid=", take_uuid}, {0}};
static const struct setting crypttab_settings[] = {{"device=", take_device}, {"uuid=", take_uuid}, {0}};

static bool take_setting(struct lk_target *t, const struct setting *s, const char *text, size_t len)
{
    for (; s->name != NULL; s++) {
        size_t n = strlen(s->name);
        if (len >= n && memcmp(text, s->name, n) == 0)
            return s->take(t, text + n, len - n);
    }
    return false;
}

static bool take_settings(struct lk_target *t, const struct setting *settings, const char *text)
{
    while (*text == ',') {
        size_t len = strcspn(++text, ",");
        if (!take_setting(t, settings, text, len))
            return false;
        text += len;
    }
    return *text == '\0';
}

static bool parse_fd(struct lk_target *t, const char *rest)
{
    unsigned long fd;
    bool ok = number(rest, strlen(rest), 10, INT_MAX, &fd);
    t->fd = ok ? (int)fd : -1;
    return ok;
}

static bool parse_file(struct lk_target *t, const char *rest)
{
    size_t len = strcspn(rest, ",");
    t->kind = LK_TARGET_FILE;
    t->in_memory = true;
    return rest[0] == '/' && copy(t->path, sizeof(t->path), rest, len) && take_settings(t, file_settings, rest + len);
}

static bool parse_crypttab(struct lk_target *t, const char *rest)
{
    size_t len = strcspn(rest, ",");
    t->kind = LK_TARGET_CRYPTTAB;
    return take_name(t, rest, len) && take_settings(t, crypttab_settings, rest + len);
}

static bool parse_luks(struct lk_target *t, const char *rest)
{
    size_t len = strcspn(rest, ",");
    t->kind = LK_TARGET_LUKS;
    return rest[0] == '/' && copy(t->path, sizeof(t->path), rest, len) && take_settings(t, luks_settings, rest + len) &&
           t->name[0] != '\0';
}

static const struct {
    const char *prefix;
    bool (*parse)(struct lk_target *t, const char *rest);
} forms[] = {{"fd:", parse_fd}, {"file:", parse_file}, {"crypttab:", parse_crypttab}, {"luks:", parse_luks}};

bool lk_target_parse(const char *text, struct lk_target *out)
{
    *out = (struct lk_target){.kind = LK_TARGET_STREAM, .fd = STDOUT_FILENO, .mode = 0600};
    if (strcmp(text, "-") == 0)
        return true;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (strncmp(text, forms[i].prefix, strlen(forms[i].prefix)) == 0)
            return forms[i].parse(out, text + strlen(forms[i].prefix));
    out->kind = LK_TARGET_FILE;
    return copy(out->path, sizeof(out->path), text, strlen(text));
}
