/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/bytes.h"

#define ANYWHERE (LK_FROM_OPTIONS | LK_FROM_FILE | LK_FROM_KERNEL)
#define NOT_KERNEL (LK_FROM_OPTIONS | LK_FROM_FILE)

static bool number(const char *text, unsigned long max, unsigned *out)
{
    char *end = NULL;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > max)
        return false;
    *out = (unsigned)v;
    return true;
}

static bool take_broker(struct lk_settings *s, const char *v)
{
    return s->o->n_brokers < LK_FETCH_BROKERS_MAX && (s->o->brokers[s->o->n_brokers++] = v) != NULL;
}

static bool take_broker_id(struct lk_settings *s, const char *v)
{
    return lk_unhex(v, strlen(v), s->o->broker_id, sizeof(s->o->broker_id)) == sizeof(s->o->broker_id);
}

static bool take_secret(struct lk_settings *s, const char *v)
{
    const char *equals = strchr(v, '=');
    size_t len = equals == NULL ? strlen(v) : (size_t)(equals - v);
    if (s->o->n_secrets == LK_FETCH_SECRETS_MAX || len == 0 || len > 255)
        return false;
    struct lk_fetch_secret *secret = &s->o->secrets[s->o->n_secrets++];
    *secret = (struct lk_fetch_secret){.name = v, .name_len = len, .target = equals == NULL ? NULL : equals + 1};
    return equals == NULL || (lk_target_parse(secret->target, &secret->to) &&
                              (s->source != LK_FROM_KERNEL || secret->to.kind != LK_TARGET_FILE));
}

static bool take_create(struct lk_settings *s, const char *v)
{
    (void)v;
    return s->create = true;
}

static bool take_out(struct lk_settings *s, const char *v)
{
    return *v != '\0' && (s->out = v) != NULL;
}

static bool take_out_fd(struct lk_settings *s, const char *v)
{
    unsigned fd;
    if (!number(v, 1u << 20, &fd))
        return false;
    snprintf(s->o->fd_target, sizeof(s->o->fd_target), "fd:%u", fd);
    s->out = s->o->fd_target;
    return true;
}

static bool take_collector(struct lk_settings *s, const char *v)
{
    return s->o->n_collectors < LK_FETCH_COLLECTORS_MAX && (s->o->collectors[s->o->n_collectors++] = v) != NULL;
}

static bool take_suite(struct lk_settings *s, const char *v)
{
    return lk_guest_key_kind_by_name(v, &s->o->key);
}

static bool take_on_refused(struct lk_settings *s, const char *v)
{
    s->o->wait_when_refused = strcmp(v, "wait") == 0;
    return s->o->wait_when_refused || strcmp(v, "exit") == 0;
}

static bool take_timeout(struct lk_settings *s, const char *v)
{
    return number(v, 1u << 30, &s->o->timeout_s);
}

static bool take_call_timeout(struct lk_settings *s, const char *v)
{
    return number(v, 3600, &s->o->call_timeout_s) && s->o->call_timeout_s > 0;
}

static bool take_ca(struct lk_settings *s, const char *v)
{
    return (s->o->ca = v) != NULL;
}

static bool take_server_name(struct lk_settings *s, const char *v)
{
    return (s->o->server_name = v) != NULL;
}

static bool take_save_bundle(struct lk_settings *s, const char *v)
{
    return *v != '\0' && (s->o->save_bundle = v) != NULL;
}

static bool take_keys_folder(struct lk_settings *s, const char *v)
{
    return *v == '/' && (s->o->keys_folder = v) != NULL;
}

static bool take_enrol(struct lk_settings *s, const char *v)
{
    return *v == '/' && (s->o->enrol_device = v) != NULL;
}

static bool take_existing_key(struct lk_settings *s, const char *v)
{
    return *v == '/' && (s->o->existing_key = v) != NULL;
}

static bool take_format(struct lk_settings *s, const char *v)
{
    (void)v;
    return s->o->format = true;
}

static bool take_json(struct lk_settings *s, const char *v)
{
    (void)v;
    return s->o->json = true;
}

/* What starts programs or writes files is not for the kernel's command line, which a boot menu may change. */
const struct lk_setting lk_settings_table[] = {
    {"broker", false, true, ANYWHERE, take_broker},
    {"broker-id", false, false, ANYWHERE, take_broker_id},
    {"secret", false, true, ANYWHERE, take_secret},
    {"create", true, false, ANYWHERE, take_create},
    {"out", false, false, LK_FROM_OPTIONS, take_out},
    {"out-fd", false, false, LK_FROM_OPTIONS, take_out_fd},
    {"collector", false, true, NOT_KERNEL, take_collector},
    {"suite", false, false, NOT_KERNEL, take_suite},
    {"on-refused", false, false, ANYWHERE, take_on_refused},
    {"timeout", false, false, ANYWHERE, take_timeout},
    {"call-timeout", false, false, ANYWHERE, take_call_timeout},
    {"ca", false, false, NOT_KERNEL, take_ca},
    {"server-name", false, false, NOT_KERNEL, take_server_name},
    {"keys-folder", false, false, NOT_KERNEL, take_keys_folder},
    {"enroll-luks", false, false, LK_FROM_OPTIONS, take_enrol},
    {"existing-key", false, false, LK_FROM_OPTIONS, take_existing_key},
    {"format", true, false, LK_FROM_OPTIONS, take_format},
    {"save-bundle", false, false, LK_FROM_OPTIONS, take_save_bundle},
    {"json", true, false, NOT_KERNEL, take_json},
};
#define COUNT (sizeof(lk_settings_table) / sizeof(*lk_settings_table))
_Static_assert(COUNT <= LK_SETTINGS_MAX, "each setting has a place in lk_settings.by");

size_t lk_settings_count(void)
{
    return COUNT;
}

static const struct lk_setting *find(const char *name, enum lk_source source)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(lk_settings_table[i].name, name) == 0 && (lk_settings_table[i].sources & source) != 0)
            return &lk_settings_table[i];
    return NULL;
}

/* A measured id must not be replaced by another place's, and none of two can be told to be the right one. */
static bool same_id(const struct lk_settings *s, const char *value)
{
    uint8_t id[sizeof(s->o->broker_id)];
    return lk_unhex(value, strlen(value), id, sizeof(id)) == sizeof(id) && memcmp(id, s->o->broker_id, sizeof(id)) == 0;
}

static bool has_value(const struct lk_settings *s, const struct lk_setting *row, const char *value)
{
    if (!row->flag)
        return value != NULL;
    return s->source == LK_FROM_FILE ? value != NULL && strcmp(value, "yes") == 0 : value == NULL;
}

bool lk_settings_put(void *to, const char *name, const char *value, struct lk_source_error *e)
{
    struct lk_settings *s = to;
    const struct lk_setting *row = find(name, s->source);
    if (row == NULL)
        return lk_source_fail(e, "\"%.40s\" is no setting here", name);
    if (!has_value(s, row, value))
        return lk_source_fail(e, row->flag ? "\"%s\" is there (in a file: = yes) or not" : "\"%s\" wants a value", name);
    unsigned char *by = &s->by[row - lk_settings_table];
    bool mine = *by == 0 || *by == s->source;
    if (!mine && strcmp(name, "broker-id") == 0 && !same_id(s, value))
        return lk_source_fail(e, "another broker-id stands elsewhere");
    if (!mine)
        return true;
    if (*by != 0 && !row->list && s->source != LK_FROM_OPTIONS)
        return lk_source_fail(e, "\"%s\" stands twice", name);
    *by = (unsigned char)s->source;
    return row->take(s, value) || lk_source_fail(e, "%s: \"%.80s\" cannot be used", name, value);
}

/* Gives targets to secrets without one; only one secret may go to each place that is a stream. */
static bool settle_targets(struct lk_settings *s, struct lk_source_error *e)
{
    struct lk_fetch_options *o = s->o;
    size_t untold = 0, streams = 0;
    for (size_t i = 0; i < o->n_secrets; i++) {
        struct lk_fetch_secret *secret = &o->secrets[i];
        secret->create = s->create;
        if (secret->target == NULL) {
            secret->target = s->out != NULL ? s->out : "-";
            untold++;
            if (!lk_target_parse(secret->target, &secret->to))
                return lk_source_fail(e, "\"%.80s\" is no target", secret->target);
        }
        streams += secret->to.kind == LK_TARGET_STREAM && secret->to.fd == STDOUT_FILENO;
    }
    if (untold > 1 || streams > 1)
        return lk_source_fail(e, "with several secrets each needs a target of its own: --secret NAME=FILE");
    return true;
}

static bool names_differ(const struct lk_fetch_options *o, struct lk_source_error *e)
{
    for (size_t i = 0; i < o->n_secrets; i++)
        for (size_t k = 0; k < i; k++)
            if (o->secrets[i].to.name[0] != '\0' && strcmp(o->secrets[i].to.name, o->secrets[k].to.name) == 0)
                return lk_source_fail(e, "two secrets for the volume %s", o->secrets[i].to.name);
    return true;
}

/* The one secret opens the device from now on; without that option there is nothing to format. */
static bool settle_enrolment(struct lk_settings *s, struct lk_source_error *e)
{
    struct lk_fetch_options *o = s->o;
    struct lk_fetch_secret *secret = &o->secrets[0];
    if (o->enrol_device == NULL)
        return (o->existing_key == NULL && !o->format) || lk_source_fail(e, "existing-key and format go with enroll-luks");
    if (o->n_secrets != 1 || secret->target != NULL || strlen(o->enrol_device) > LK_TARGET_PATH_MAX)
        return lk_source_fail(e, "enroll-luks wants one secret, without a target");
    secret->to = (struct lk_target){.kind = LK_TARGET_ENROL};
    memcpy(secret->to.path, o->enrol_device, strlen(o->enrol_device));
    secret->target = o->enrol_device;
    return true;
}

bool lk_settings_settle(struct lk_settings *s, struct lk_source_error *e)
{
    static const char *const collectors[] = {"latchkey-evidence-snp", "latchkey-evidence-tpm", "latchkey-evidence-tdx",
                                             "latchkey-evidence-logs"};
    struct lk_fetch_options *o = s->o;
    *e = (struct lk_source_error){0};
    if (o->n_brokers == 0 || o->n_secrets == 0 || s->by[find("broker-id", LK_FROM_OPTIONS) - lk_settings_table] == 0)
        return lk_source_fail(e, "broker, broker-id and secret are needed");
    o->default_collectors = o->n_collectors == 0;
    for (size_t i = 0; o->default_collectors && i < sizeof(collectors) / sizeof(*collectors); i++)
        o->collectors[o->n_collectors++] = collectors[i];
    return settle_enrolment(s, e) && settle_targets(s, e) && names_differ(o, e);
}
