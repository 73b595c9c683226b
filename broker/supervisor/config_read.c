/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/supervisor/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lk_reader_error(struct lk_reader *r, struct fy_node *at, const char *fmt, ...)
{
    if (r->failed)
        return;
    r->failed = true;
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fy_node_report(at, FYET_ERROR, "%s", text);
}

bool lk_node_text(struct lk_reader *r, struct fy_node *node, char *out, size_t size)
{
    size_t len = 0;
    const char *text = fy_node_is_scalar(node) ? fy_node_get_scalar(node, &len) : NULL;
    if (text == NULL) {
        lk_reader_error(r, node, "a text is wanted here");
        return false;
    }
    if (len >= size) {
        lk_reader_error(r, node, "longer than %zu characters", size - 1);
        return false;
    }
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            lk_reader_error(r, node, "a control character");
            return false;
        }
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static const struct lk_key *find_key(const struct lk_key *keys, const char *name, size_t *index)
{
    for (*index = 0; keys[*index].name != NULL; ++*index)
        if (strcmp(keys[*index].name, name) == 0)
            return &keys[*index];
    return NULL;
}

static void read_pair(struct lk_reader *r, struct fy_node_pair *pair, const struct lk_key *keys, void *out, uint64_t *seen)
{
    struct fy_node *name_node = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
    char name[64];
    size_t i;
    if (!lk_node_text(r, name_node, name, sizeof(name)))
        return;
    const struct lk_key *key = find_key(keys, name, &i);
    if (key == NULL) {
        lk_reader_error(r, name_node, "unknown key \"%s\"", name);
        return;
    }
    *seen |= UINT64_C(1) << i;
    if (value == NULL)
        lk_reader_error(r, name_node, "\"%s\" has no value", name);
    else
        key->read(r, value, key, (char *)out + key->offset);
}

void lk_read_mapping(struct lk_reader *r, struct fy_node *node, const struct lk_key *keys, void *out)
{
    if (!fy_node_is_mapping(node)) {
        lk_reader_error(r, node, "a mapping is wanted here");
        return;
    }
    uint64_t seen = 0;
    void *at = NULL;
    for (struct fy_node_pair *p = fy_node_mapping_iterate(node, &at); p != NULL && !r->failed;
         p = fy_node_mapping_iterate(node, &at))
        read_pair(r, p, keys, out, &seen);
    for (size_t i = 0; keys[i].name != NULL; i++)
        if (keys[i].required && (seen >> i & 1) == 0)
            lk_reader_error(r, node, "\"%s\" is missing", keys[i].name);
}

void lk_read_sub(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    lk_read_mapping(r, node, key->sub, out);
}

void lk_read_text(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    if (lk_node_text(r, node, out, key->max) && *(char *)out == '\0')
        lk_reader_error(r, node, "\"%s\" is empty", key->name);
}

bool lk_node_path(struct lk_reader *r, struct fy_node *node, const char *path, char *out, size_t size)
{
    int n = path[0] == '/' ? snprintf(out, size, "%s", path)
                           : snprintf(out, size, "%s/%s", r->folder, strncmp(path, "./", 2) == 0 ? path + 2 : path);
    if (n > 0 && (size_t)n < size)
        return true;
    lk_reader_error(r, node, "the path is too long");
    return false;
}

void lk_read_path(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    char path[PATH_MAX];
    if (!lk_node_text(r, node, path, sizeof(path)))
        return;
    if (path[0] == '\0')
        lk_reader_error(r, node, "\"%s\" is empty", key->name);
    else
        (void)lk_node_path(r, node, path, out, PATH_MAX);
}

struct unit {
    const char *name;
    uint64_t factor;
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}, {NULL, 0}};
static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};

/* A number and its unit, within the key's range (in the smallest unit). */
static bool read_number(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, const struct unit *units,
                        uint64_t *out)
{
    char text[32], *end = text;
    if (!lk_node_text(r, node, text, sizeof(text)))
        return false;
    errno = 0;
    unsigned long long n = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    const struct unit *u = units;
    while (u->name != NULL && strcmp(u->name, end) != 0)
        u++;
    if (end == text || errno != 0 || u->name == NULL) {
        lk_reader_error(r, node, "\"%s\" is no %s", text,
                        units == sizes       ? "size (bytes, KiB, MiB, GiB)"
                        : units == durations ? "duration (ms, s, m, h)"
                                             : "number");
        return false;
    }
    if (n > UINT64_MAX / u->factor || n * u->factor < key->min || n * u->factor > key->max) {
        lk_reader_error(r, node, "\"%s\" must be %llu to %llu%s", key->name, (unsigned long long)key->min,
                        (unsigned long long)key->max, units == durations ? " ms" : "");
        return false;
    }
    *out = n * u->factor;
    return true;
}

void lk_read_u64(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)read_number(r, node, key, no_units, out);
}

void lk_read_unsigned(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    uint64_t v;
    if (read_number(r, node, key, no_units, &v))
        *(unsigned *)out = (unsigned)v;
}

void lk_read_size(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)read_number(r, node, key, sizes, out);
}

void lk_read_ms(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)read_number(r, node, key, durations, out);
}

void lk_read_ms_unsigned(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    uint64_t v;
    if (read_number(r, node, key, durations, &v))
        *(unsigned *)out = (unsigned)v;
}

void lk_read_seconds(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    uint64_t v;
    if (read_number(r, node, key, durations, &v))
        *(unsigned *)out = (unsigned)(v / 1000);
}
