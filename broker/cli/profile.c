/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/bytes.h"

static const struct {
    int opt;
    size_t offset;
} taken[] = {
    {LK_OPT_PROFILE, offsetof(struct lk_profile_args, profile)},
    {LK_OPT_BROKER, offsetof(struct lk_profile_args, broker)},
    {LK_OPT_BROKER_ID, offsetof(struct lk_profile_args, broker_id)},
    {LK_OPT_CA, offsetof(struct lk_profile_args, ca)},
    {LK_OPT_SERVER_NAME, offsetof(struct lk_profile_args, server_name)},
    {LK_OPT_KEY, offsetof(struct lk_profile_args, key)},
    {LK_OPT_TIMEOUT, offsetof(struct lk_profile_args, timeout)},
    {LK_OPT_CLIENT_CERTIFICATE, offsetof(struct lk_profile_args, client_certificate)},
    {LK_OPT_CLIENT_KEY, offsetof(struct lk_profile_args, client_key)},
};

bool lk_profile_take(struct lk_profile_args *a, int opt, const char *value)
{
    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
        if (taken[i].opt == opt) {
            memcpy((char *)a + taken[i].offset, &value, sizeof(value));
            return true;
        }
    }
    return false;
}

typedef bool set_fn(struct lk_profile *p, const char *value, const char *folder);

static bool copy(char *out, size_t size, const char *value)
{
    return (size_t)snprintf(out, size, "%s", value) < size;
}

/* folder NULL: the path is relative to the working folder, as on the command line. */
static bool copy_path(char *out, size_t size, const char *value, const char *folder)
{
    if (folder == NULL || value[0] == '/')
        return copy(out, size, value);
    return (size_t)snprintf(out, size, "%s/%s", folder, value) < size;
}

static bool set_broker(struct lk_profile *p, const char *value, const char *folder)
{
    (void)folder;
    return value[0] != '\0' && copy(p->broker, sizeof(p->broker), value);
}

static bool set_broker_id(struct lk_profile *p, const char *value, const char *folder)
{
    (void)folder;
    p->has_broker_id = lk_unhex(value, strlen(value), p->broker_id, sizeof(p->broker_id)) == sizeof(p->broker_id);
    return p->has_broker_id;
}

static bool set_ca(struct lk_profile *p, const char *value, const char *folder)
{
    return copy_path(p->ca, sizeof(p->ca), value, folder);
}

static bool set_server_name(struct lk_profile *p, const char *value, const char *folder)
{
    (void)folder;
    return copy(p->server_name, sizeof(p->server_name), value);
}

static bool set_key(struct lk_profile *p, const char *value, const char *folder)
{
    return copy_path(p->key, sizeof(p->key), value, folder);
}

static bool set_client_certificate(struct lk_profile *p, const char *value, const char *folder)
{
    return copy_path(p->client_certificate, sizeof(p->client_certificate), value, folder);
}

static bool set_client_key(struct lk_profile *p, const char *value, const char *folder)
{
    return copy_path(p->client_key, sizeof(p->client_key), value, folder);
}

static bool set_timeout(struct lk_profile *p, const char *value, const char *folder)
{
    (void)folder;
    char *end = NULL;
    unsigned long v = strtoul(value, &end, 10);
    if (*end != '\0' || v < 1 || v > 3600)
        return false;
    p->timeout_s = (unsigned)v;
    return true;
}

static const struct {
    const char *name;
    size_t option; /* where the command line has it */
    set_fn *set;
} settings[] = {
    {"broker", offsetof(struct lk_profile_args, broker), set_broker},
    {"broker-id", offsetof(struct lk_profile_args, broker_id), set_broker_id},
    {"ca", offsetof(struct lk_profile_args, ca), set_ca},
    {"server-name", offsetof(struct lk_profile_args, server_name), set_server_name},
    {"key", offsetof(struct lk_profile_args, key), set_key},
    {"timeout", offsetof(struct lk_profile_args, timeout), set_timeout},
    {"client-certificate", offsetof(struct lk_profile_args, client_certificate), set_client_certificate},
    {"client-key", offsetof(struct lk_profile_args, client_key), set_client_key},
};
#define SETTINGS (sizeof(settings) / sizeof(*settings))

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

static bool read_line(struct lk_profile *p, char *line, const char *folder)
{
    char *text = trim(line), *equals = strchr(text, '=');
    if (*text == '\0' || *text == '#')
        return true;
    if (equals == NULL)
        return false;
    *equals = '\0';
    const char *name = trim(text), *value = trim(equals + 1);
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(name, settings[i].name) == 0)
            return settings[i].set(p, value, folder);
    return false;
}

static void folder_of(const char *path, char folder[static PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, PATH_MAX, "%.*s", slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path);
}

static lk_result read_file(struct lk_profile *p, const char *path, bool must_exist)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        if (!must_exist)
            return LK_OK;
        fprintf(stderr, "latchkey: the profile %s cannot be read\n", path);
        return LK_FAIL(FILE);
    }
    char folder[PATH_MAX], line[PATH_MAX + 64];
    folder_of(path, folder);
    lk_result r = LK_OK;
    for (unsigned n = 1; lk_ok(r) && fgets(line, sizeof(line), f) != NULL; n++) {
        if (!read_line(p, line, folder)) {
            fprintf(stderr, "latchkey: %s:%u: not a line of a profile\n", path, n);
            r = LK_FAIL(PROFILE);
        }
    }
    fclose(f);
    return r;
}

static lk_result read_profile(const struct lk_profile_args *a, struct lk_profile *p)
{
    const char *named = a->profile != NULL ? a->profile : getenv("LATCHKEY_PROFILE"), *home = getenv("HOME");
    if (named != NULL)
        return read_file(p, named, true);
    char path[PATH_MAX];
    if (home == NULL || (size_t)snprintf(path, sizeof(path), "%s/.config/latchkey/profile", home) >= sizeof(path))
        return LK_OK;
    return read_file(p, path, false);
}

static lk_result lay_options(const struct lk_profile_args *a, struct lk_profile *p)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = NULL;
        memcpy(&value, (const char *)a + settings[i].option, sizeof(value));
        if (value != NULL && !settings[i].set(p, value, NULL)) {
            fprintf(stderr, "latchkey: --%s: \"%s\" cannot be used\n", settings[i].name, value);
            return LK_FAIL(USAGE);
        }
    }
    return LK_OK;
}

static lk_result demand(bool there, const char *name)
{
    if (there)
        return LK_OK;
    fprintf(stderr, "latchkey: --%s is needed (or a line in the profile: see latchkey(1))\n", name);
    return LK_FAIL(PROFILE);
}

lk_result lk_profile_resolve(const struct lk_profile_args *a, struct lk_profile *out)
{
    *out = (struct lk_profile){.timeout_s = 30};
    LK_TRY(read_profile(a, out));
    LK_TRY(lay_options(a, out));
    LK_TRY(demand(out->broker[0] != '\0', "broker"));
    LK_TRY(demand(out->has_broker_id, "broker-id"));
    return demand(out->key[0] != '\0', "key");
}

lk_result lk_profile_resolve_client(const struct lk_profile_args *a, struct lk_profile *out)
{
    *out = (struct lk_profile){.timeout_s = 30};
    LK_TRY(read_profile(a, out));
    LK_TRY(lay_options(a, out));
    LK_TRY(demand(out->broker[0] != '\0', "broker"));
    LK_TRY(demand(out->ca[0] != '\0', "ca"));
    LK_TRY(demand(out->client_certificate[0] != '\0', "client-certificate"));
    return demand(out->client_key[0] != '\0', "client-key");
}
