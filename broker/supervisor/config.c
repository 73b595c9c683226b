/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/supervisor/config.h"
#include "broker/supervisor/config_read.h"
#include "proto/base/text.h"
#include "proto/link/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (256u << 10)

/* ---- values that are more than a scalar ---- */

static void read_schema(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key, (void)out;
    char text[64];
    if (lk_node_text(r, node, text, sizeof(text)) && strcmp(text, "latchkey-config/1") != 0)
        lk_reader_error(r, node, "schema \"%s\" is not known; latchkey-config/1 is", text);
}

/* "host:port", "[v6]:port" */
static bool split_address(const char *text, struct lk_config_listen *l)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || strlen(colon + 1) == 0 || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) > 5 || atoi(colon + 1) > 65535)
        return false;
    const char *host = text, *end = colon;
    if (*host == '[') {
        if (end == host + 1 || end[-1] != ']')
            return false;
        host++;
        end--;
    }
    size_t n = (size_t)(end - host);
    if (n == 0 || n >= sizeof(l->host) || (*text != '[' && memchr(host, ':', n) != NULL))
        return false;
    memcpy(l->host, host, n);
    l->host[n] = '\0';
    snprintf(l->port, sizeof(l->port), "%s", colon + 1);
    return true;
}

/* The next node of a sequence of at most max; NULL at its end or on an error. */
static struct fy_node *next_of(struct lk_reader *r, struct fy_node *node, void **at, size_t have, size_t max)
{
    if (!fy_node_is_sequence(node)) {
        lk_reader_error(r, node, "a list is wanted here");
        return NULL;
    }
    struct fy_node *n = r->failed ? NULL : fy_node_sequence_iterate(node, at);
    if (n != NULL && have >= max) {
        lk_reader_error(r, n, "at most %zu are taken", max);
        return NULL;
    }
    return n;
}

static void read_listen(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    struct lk_config *c = out;
    void *at = NULL;
    for (struct fy_node *n; (n = next_of(r, node, &at, c->n_listen, LK_CONFIG_LISTEN_MAX)) != NULL;) {
        char text[300];
        if (!lk_node_text(r, n, text, sizeof(text)))
            return;
        if (!split_address(text, &c->listen[c->n_listen++]))
            lk_reader_error(r, n, "\"%s\" is no host:port", text);
    }
    if (c->n_listen == 0)
        lk_reader_error(r, node, "at least one address is wanted");
}

static void read_fingerprint(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    char text[80];
    struct lk_config_caller *c = out;
    if (lk_node_text(r, node, text, sizeof(text)) && lk_unhex(text, strlen(text), c->sha256, sizeof(c->sha256)) != 32)
        lk_reader_error(r, node, "a SHA-256 fingerprint is 64 hex digits");
}

static void read_roles(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    struct lk_config_caller *c = out;
    void *at = NULL;
    for (struct fy_node *n; (n = next_of(r, node, &at, 0, 8)) != NULL;) {
        char text[32];
        if (!lk_node_text(r, n, text, sizeof(text)))
            return;
        if (strcmp(text, "appraise") == 0)
            c->roles |= LK_ROLE_APPRAISE;
        else if (strcmp(text, "collateral") == 0)
            c->roles |= LK_ROLE_COLLATERAL;
        else
            lk_reader_error(r, n, "role \"%s\" is not known; appraise and collateral are", text);
    }
}

static const struct lk_key caller_keys[] = {
    {.name = "sha256", .required = true, .read = read_fingerprint},
    {.name = "roles", .required = true, .read = read_roles},
    {.name = NULL},
};

static void read_callers(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    struct lk_config *c = out;
    void *at = NULL;
    for (struct fy_node *n; (n = next_of(r, node, &at, c->n_callers, LK_CONFIG_CALLERS_MAX)) != NULL;)
        lk_read_mapping(r, n, caller_keys, &c->callers[c->n_callers++]);
}

static void read_paths(struct lk_reader *r, struct fy_node *node, char (*paths)[PATH_MAX], size_t *n_paths)
{
    void *at = NULL;
    for (struct fy_node *n; (n = next_of(r, node, &at, *n_paths, LK_CONFIG_PATHS_MAX)) != NULL;) {
        char text[PATH_MAX];
        if (lk_node_text(r, n, text, sizeof(text)) && lk_node_path(r, n, text, paths[*n_paths], PATH_MAX))
            ++*n_paths;
    }
}

static void read_read_only(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    struct lk_config_token *t = out;
    read_paths(r, node, t->read_only, &t->n_read_only);
}

static void read_read_write(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    struct lk_config_token *t = out;
    read_paths(r, node, t->read_write, &t->n_read_write);
}

static bool variable_ok(const char *name)
{
    return name[0] != '\0' && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name) &&
           strncmp(name, "LD_", 3) != 0;
}

static void read_variable(struct lk_reader *r, struct fy_node_pair *pair, struct lk_config_token *t)
{
    char name[64], value[PATH_MAX - 64], path[PATH_MAX - 64];
    struct fy_node *name_node = fy_node_pair_key(pair), *node = fy_node_pair_value(pair);
    if (!lk_node_text(r, name_node, name, sizeof(name)))
        return;
    if (!variable_ok(name) || node == NULL) {
        lk_reader_error(r, name_node, "\"%s\" cannot be set", name);
        return;
    }
    if (!lk_node_text(r, node, value, sizeof(value)))
        return;
    bool relative = strncmp(value, "./", 2) == 0 || strncmp(value, "../", 3) == 0;
    if (relative && !lk_node_path(r, node, value, path, sizeof(path)))
        return;
    snprintf(t->environment[t->n_environment++], PATH_MAX, "%s=%s", name, relative ? path : value);
}

static void read_environment(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    struct lk_config_token *t = out;
    if (!fy_node_is_mapping(node) || fy_node_mapping_item_count(node) > LK_CONFIG_PATHS_MAX) {
        lk_reader_error(r, node, "a mapping of at most %d variables is wanted here", LK_CONFIG_PATHS_MAX);
        return;
    }
    void *at = NULL;
    for (struct fy_node_pair *p; !r->failed && (p = fy_node_mapping_iterate(node, &at)) != NULL;)
        read_variable(r, p, t);
}

static void read_sandbox(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    char text[16];
    if (!lk_node_text(r, node, text, sizeof(text)))
        return;
    *(bool *)out = strcmp(text, "strict") == 0;
    if (strcmp(text, "strict") != 0 && strcmp(text, "normal") != 0)
        lk_reader_error(r, node, "sandbox is normal or strict");
}

static void read_yes_no(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    char text[8];
    if (!lk_node_text(r, node, text, sizeof(text)))
        return;
    *(bool *)out = strcmp(text, "yes") == 0;
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        lk_reader_error(r, node, "%s is yes or no", key->name);
}

static void read_profile(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    struct lk_config_token *t = out;
    if (!lk_node_text(r, node, t->profile, sizeof(t->profile)))
        return;
    if (strcmp(t->profile, "file") != 0 && strcmp(t->profile, "network") != 0)
        lk_reader_error(r, node, "profile is file or network");
}

static void read_level(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out)
{
    (void)key;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char text[16];
    if (!lk_node_text(r, node, text, sizeof(text)))
        return;
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *(enum lk_log_level *)out = (enum lk_log_level)i;
            return;
        }
    lk_reader_error(r, node, "level is debug, info, warn or error");
}

/* ---- the tables ---- */

#define AT(member) offsetof(struct lk_config, member)
#define SIZE_OF(member) sizeof(((struct lk_config *)0)->member)
#define HOUR_MS 3600000u

static const struct lk_key tls_keys[] = {
    {.name = "certificate", .required = true, .read = lk_read_path, .offset = AT(tls_certificate)},
    {.name = "key", .required = true, .read = lk_read_path, .offset = AT(tls_key)},
    {.name = "client-ca", .read = lk_read_path, .offset = AT(tls_client_ca)},
    {.name = NULL},
};
static const struct lk_key token_keys[] = {
    {.name = "module", .required = true, .read = lk_read_path, .offset = AT(token.module)},
    {.name = "label", .required = true, .read = lk_read_text, .offset = AT(token.label), .max = SIZE_OF(token.label)},
    {.name = "pin-file", .required = true, .read = lk_read_path, .offset = AT(token.pin_file)},
    {.name = "sessions", .read = lk_read_unsigned, .offset = AT(token.sessions), .min = 1, .max = 64},
    {.name = "environment", .read = read_environment, .offset = AT(token)},
    {.name = "read-only", .read = read_read_only, .offset = AT(token)},
    {.name = "read-write", .read = read_read_write, .offset = AT(token)},
    {.name = "profile", .read = read_profile, .offset = AT(token)},
    {.name = "allow-unenforced-templates", .read = read_yes_no, .offset = AT(token.allow_unenforced)},
    {.name = "timeout", .read = lk_read_ms_unsigned, .offset = AT(token.timeout_ms), .min = 100, .max = HOUR_MS},
    {.name = NULL},
};
static const struct lk_key limit_keys[] = {
    {.name = "connections", .read = lk_read_u64, .offset = AT(limits.connections), .min = 1, .max = 1000000},
    {.name = "streams", .read = lk_read_u64, .offset = AT(limits.streams), .min = 1, .max = 10000},
    {.name = "body-memory", .read = lk_read_size, .offset = AT(limits.body_memory), .min = 8u << 20, .max = UINT64_C(1) << 40},
    {.name = "request-rate", .read = lk_read_u64, .offset = AT(limits.request_rate), .min = 1, .max = 10000000},
    {.name = "request-burst", .read = lk_read_u64, .offset = AT(limits.request_burst), .min = 1, .max = 10000000},
    {.name = "minimum-rate", .read = lk_read_size, .offset = AT(limits.minimum_rate), .min = 1, .max = 1u << 30},
    {.name = "deadline", .read = lk_read_ms, .offset = AT(limits.deadline_ms), .min = 100, .max = HOUR_MS},
    {.name = NULL},
};
static const struct lk_key store_keys[] = {
    {.name = "max-size", .read = lk_read_size, .offset = AT(store_max_size), .min = 16u << 20, .max = UINT64_C(1) << 44},
    {.name = NULL},
};
static const struct lk_key log_keys[] = {{.name = "level", .read = read_level, .offset = AT(log_level)}, {.name = NULL}};
static const struct lk_key user_keys[] = {
    {.name = "front", .required = true, .read = lk_read_text, .offset = AT(users.front), .max = SIZE_OF(users.front)},
    {.name = "verifier", .required = true, .read = lk_read_text, .offset = AT(users.verifier), .max = SIZE_OF(users.verifier)},
    {.name = "keeper", .required = true, .read = lk_read_text, .offset = AT(users.keeper), .max = SIZE_OF(users.keeper)},
    {.name = "token", .required = true, .read = lk_read_text, .offset = AT(users.token), .max = SIZE_OF(users.token)},
    {.name = NULL},
};
static const struct lk_key keys[] = {
    {.name = "schema", .required = true, .read = read_schema},
    {.name = "state", .required = true, .read = lk_read_path, .offset = AT(state)},
    {.name = "listen", .required = true, .read = read_listen},
    {.name = "tls", .required = true, .read = lk_read_sub, .sub = tls_keys},
    {.name = "callers", .read = read_callers},
    {.name = "token", .required = true, .read = lk_read_sub, .sub = token_keys},
    {.name = "verifiers", .read = lk_read_unsigned, .offset = AT(verifiers), .min = 1, .max = LK_CONFIG_WORKERS_MAX},
    {.name = "log-verifiers", .read = lk_read_unsigned, .offset = AT(log_verifiers), .min = 0, .max = LK_CONFIG_WORKERS_MAX},
    {.name = "large-bundle", .read = lk_read_size, .offset = AT(large_bundle), .min = 16u << 10, .max = 4u << 20},
    {.name = "worker-requests", .read = lk_read_u64, .offset = AT(worker_requests), .min = 1, .max = 1000000000},
    {.name = "challenge-lifetime", .read = lk_read_seconds, .offset = AT(challenge_lifetime_s), .min = 5000, .max = HOUR_MS},
    {.name = "limits", .read = lk_read_sub, .sub = limit_keys},
    {.name = "store", .read = lk_read_sub, .sub = store_keys},
    {.name = "sandbox", .read = read_sandbox, .offset = AT(strict)},
    {.name = "log", .read = lk_read_sub, .sub = log_keys},
    {.name = "users", .read = lk_read_sub, .sub = user_keys},
    {.name = "pid-file", .read = lk_read_path, .offset = AT(pid_file)},
    {.name = NULL},
};

static void set_defaults(struct lk_config *c)
{
    c->token.sessions = 4;
    c->token.timeout_ms = 5000;
    c->verifiers = 2;
    c->log_verifiers = 1;
    c->large_bundle = 64u << 10;
    c->worker_requests = 10000;
    c->challenge_lifetime_s = 120;
    c->limits = (struct lk_config_limits){1024, 32, 256u << 20, 50, 200, 1u << 10, 30000};
    c->store_max_size = UINT64_C(1) << 30;
    c->log_level = LK_LOG_INFO;
}

/* ---- the file ---- */

static void take_error(struct fy_diag *diag, const char *path, struct lk_config_error *error)
{
    void *at = NULL;
    struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
    if (e == NULL)
        snprintf(error->text, sizeof(error->text), "%s: not readable as YAML", path);
    else
        snprintf(error->text, sizeof(error->text), "%s:%d:%d: %s", path, e->line, e->column, e->msg);
}

static lk_result read_document(struct lk_reader *r, const char *text, size_t len, struct lk_config *c)
{
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = r->diag};
    struct fy_document *doc = fy_document_build_from_string(&cfg, text, len);
    LK_REQUIRE(doc != NULL, CONFIG);
    struct fy_node *root = fy_document_root(doc);
    if (root == NULL)
        r->failed = true;
    else
        lk_read_mapping(r, root, keys, c);
    fy_document_destroy(doc);
    return r->failed ? LK_FAIL(CONFIG) : LK_OK;
}

static void folder_of(const char *path, char *out, size_t size)
{
    char *whole = realpath(path, NULL);
    snprintf(out, size, "%s", whole == NULL ? path : whole);
    free(whole);
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        snprintf(out, size, ".");
    else
        *(slash == out ? slash + 1 : slash) = '\0';
}

lk_result lk_config_parse(const char *path, const char *text, size_t len, struct lk_config **out,
                          struct lk_config_error *error)
{
    *out = NULL;
    int line;
    const char *flaw = lk_yaml_flaw(lk_bytes(text, len), &line);
    if (flaw != NULL) {
        snprintf(error->text, sizeof(error->text), "%s:%d:1: %s", path, line, flaw);
        return LK_FAIL(CONFIG);
    }
    struct fy_diag_cfg dcfg;
    fy_diag_cfg_default(&dcfg);
    struct lk_config *c = calloc(1, sizeof(*c));
    struct fy_diag *diag = fy_diag_create(&dcfg);
    lk_result r = LK_FAIL(MEMORY);
    snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
    if (c != NULL && diag != NULL) {
        char folder[PATH_MAX];
        folder_of(path, folder, sizeof(folder));
        snprintf(c->file, sizeof(c->file), "%s", path);
        set_defaults(c);
        fy_diag_set_collect_errors(diag, true);
        r = read_document(&(struct lk_reader){diag, folder, false}, text, len, c);
        if (!lk_ok(r))
            take_error(diag, path, error);
    }
    if (diag != NULL)
        fy_diag_destroy(diag);
    if (!lk_ok(r)) {
        free(c);
        return r;
    }
    *out = c;
    error->text[0] = '\0';
    return LK_OK;
}

static lk_result read_file(const char *path, char *buf, size_t size, size_t *len, struct lk_config_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? -1 : 0;
    for (*len = 0; n >= 0 && *len < size; *len += (size_t)n)
        if ((n = read(fd, buf + *len, size - *len)) == 0)
            break;
    if (n < 0)
        snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(errno));
    else if (*len == size)
        snprintf(error->text, sizeof(error->text), "%s: larger than %zu bytes", path, size - 1);
    if (fd != -1)
        close(fd);
    return n >= 0 && *len < size ? LK_OK : LK_FAIL(FILE);
}

lk_result lk_config_load(const char *path, struct lk_config **out, struct lk_config_error *error)
{
    *out = NULL;
    char *text = malloc(FILE_MAX + 1);
    LK_REQUIRE(text != NULL, MEMORY);
    size_t len;
    lk_result r = read_file(path, text, FILE_MAX + 1, &len, error);
    if (lk_ok(r))
        r = lk_config_parse(path, text, len, out, error);
    free(text);
    return r;
}

void lk_config_free(struct lk_config *c)
{
    free(c);
}
