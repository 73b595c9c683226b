/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `latchkey init`: a new installation, local and offline. Makes the keys in the token (latchkey-token --init), then
 * the store with its genesis (latchkey-keeper --init, which a latchkey-token serves as it will in the ring).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/cli/remote.h"
#include "broker/cli/run.h"
#include "broker/supervisor/config.h"
#include "proto/link/settings.h"

#define ADMINS_MAX 16
#define EXIT_FAILED 1

struct init {
    struct lk_config *config;
    const char *env[LK_CONFIG_PATHS_MAX + 1];
    struct {
        const char *name, *file;
    } admins[ADMINS_MAX];
    size_t n_admins;
    bool reuse_token;
    const char *profile;
    char broker_id[65];
};

static const char usage[] =
    "usage: latchkey init --config FILE --admin NAME=FILE.pub [--admin ...] [--write-profile FILE] [--reuse-token]\n\n"
    "Makes a new installation: keys in the token, a store in the state folder, the first administrators. Offline;\n"
    "latchkeyd must not run. Nothing is overwritten.\n\n"
    "  --config FILE           latchkeyd's configuration\n"
    "  --admin NAME=FILE.pub   an administrator's SSH public key\n"
    "  --write-profile FILE    writes a client profile for this broker: see latchkey(1), PROFILE\n"
    "  --reuse-token           the token has its keys already: a former run made them and then failed\n";

static bool take_admin(struct init *in, char *text)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || in->n_admins == ADMINS_MAX || strchr(text, ' ') != NULL)
        return false;
    *equals = '\0';
    in->admins[in->n_admins].name = text;
    in->admins[in->n_admins++].file = equals + 1;
    return true;
}

static lk_result load_config(struct init *in, const char *path)
{
    struct lk_config_error error = {{0}};
    lk_result r = lk_config_load(path, &in->config, &error);
    if (!lk_ok(r)) {
        fprintf(stderr, "latchkey: %s\n", error.text[0] != '\0' ? error.text : path);
        return r;
    }
    for (size_t i = 0; i < in->config->token.n_environment; i++)
        in->env[i] = in->config->token.environment[i];
    return LK_OK;
}

/* The state folder, 0700, of the user that the keeper runs as; without a store in it. */
static lk_result make_state_folder(const struct lk_config *c)
{
    char store[PATH_MAX + 16];
    snprintf(store, sizeof(store), "%s/data.mdb", c->state);
    LK_REQUIRE(access(store, F_OK) != 0, STORE_EXISTS);
    LK_REQUIRE(mkdir(c->state, 0700) == 0 || errno == EEXIST, IO);
    LK_REQUIRE(chmod(c->state, 0700) == 0, IO);
    if (geteuid() != 0 || c->users.keeper[0] == '\0')
        return LK_OK;
    const struct passwd *pw = getpwnam(c->users.keeper);
    LK_REQUIRE(pw != NULL && chown(c->state, pw->pw_uid, pw->pw_gid) == 0, CONFIG);
    return LK_OK;
}

static lk_result open_pin(const struct lk_config *c, int *fd)
{
    *fd = open(c->token.pin_file, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        fprintf(stderr, "latchkey: %s: %s\n", c->token.pin_file, strerror(errno));
    return *fd >= 0 ? LK_OK : LK_FAIL(FILE);
}

/* Nothing that a folder's owner did not mean is given away here: an administrator does it, once. */
static void tell_owner(const struct lk_config *c)
{
    if (geteuid() != 0 || c->users.token[0] == '\0')
        return;
    fprintf(stderr, "latchkey: latchkey-token runs as %s, which must own what the token's module writes:\n", c->users.token);
    for (size_t i = 0; i < c->token.n_read_write; i++)
        fprintf(stderr, "latchkey:   chown -R %s %s\n", c->users.token, c->token.read_write[i]);
}

/* Its public facts, which it prints, are in the store's genesis too: nobody needs them here. */
static lk_result make_token_keys(const struct init *in)
{
    char module[PATH_MAX + 16], label[64];
    snprintf(module, sizeof(module), "--module=%s", in->config->token.module);
    snprintf(label, sizeof(label), "--label=%s", in->config->token.label);
    const char *const args[] = {"--init", module, label,
                                in->config->token.allow_unenforced ? "--allow-unenforced-templates" : NULL, NULL};
    struct lk_run r = {.program = "latchkey-token", .args = args, .env = in->env, .user = in->config->users.token,
                       .fds = {-1, -1, STDERR_FILENO, -1, -1, -1}};
    pid_t pid;
    LK_TRY(open_pin(in->config, &r.fds[0]));
    lk_result started = lk_run_start(&r, &pid);
    close(r.fds[0]);
    LK_TRY(started);
    if (lk_run_wait(pid) == 0)
        return LK_OK;
    tell_owner(in->config);
    return LK_FAIL(TOKEN_CONFIG);
}

static lk_result token_settings(const struct lk_config *c, int *fd)
{
    LK_BUF_AUTO b = lk_buf(LK_SETTINGS_MAX);
    lk_put_fmt(&b, "log-level warn\nsandbox normal\nmodule %s\nlabel %s\nsessions 1\ntoken-timeout-ms %u\n",
               c->token.module, c->token.label, c->token.timeout_ms);
    lk_put_fmt(&b, "profile %s\nallow-unenforced-templates %s\n", c->token.profile[0] == '\0' ? "file" : c->token.profile,
               c->token.allow_unenforced ? "yes" : "no");
    for (size_t i = 0; i < c->token.n_read_only; i++)
        lk_put_fmt(&b, "read-only %s\n", c->token.read_only[i]);
    for (size_t i = 0; i < c->token.n_read_write; i++)
        lk_put_fmt(&b, "read-write %s\n", c->token.read_write[i]);
    LK_TRY(lk_buf_ok(&b));
    return lk_settings_memfd(lk_buf_bytes(&b), fd);
}

/* The token process that serves the keeper's link until its end. */
static lk_result start_token(const struct init *in, int link, pid_t *pid)
{
    struct lk_run r = {.program = "latchkey-token", .env = in->env, .user = in->config->users.token,
                       .fds = {-1, -1, STDERR_FILENO, link, -1, -1}};
    LK_TRY(token_settings(in->config, &r.fds[4]));
    lk_result done = open_pin(in->config, &r.fds[5]);
    if (lk_ok(done))
        done = lk_run_start(&r, pid);
    close(r.fds[4]);
    if (r.fds[5] >= 0)
        close(r.fds[5]);
    return done;
}

/* The lines that latchkey-keeper --init reads: a name, a blank, the public key's line. */
static lk_result admin_lines(const struct init *in, struct lk_buf *out)
{
    for (size_t i = 0; i < in->n_admins; i++) {
        LK_BUF_AUTO line = lk_buf(16u << 10);
        lk_result r = lk_cli_read_file(in->admins[i].file, &line);
        if (!lk_ok(r)) {
            fprintf(stderr, "latchkey: %s cannot be read\n", in->admins[i].file);
            return r;
        }
        const uint8_t *end = line.len == 0 ? NULL : memchr(line.data, '\n', line.len);
        lk_put_fmt(out, "%s ", in->admins[i].name);
        lk_put(out, lk_bytes(line.data, end == NULL ? line.len : (size_t)(end - line.data)));
        lk_put_u8(out, '\n');
    }
    return lk_buf_ok(out);
}

static bool read_broker_id(int fd, char id[static 65])
{
    char text[256];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return sscanf(text, "broker-id %64[0-9a-f]", id) == 1 && strlen(id) == 64;
}

static lk_result run_keeper(struct init *in, int link, struct lk_bytes admins)
{
    static const char *const args[] = {"--init", NULL};
    int input[2], output[2];
    LK_REQUIRE(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0, IO);
    struct lk_run r = {.program = "latchkey-keeper", .args = args, .folder = in->config->state,
                       .user = in->config->users.keeper, .fds = {input[0], output[1], STDERR_FILENO, link, -1, -1}};
    pid_t pid;
    lk_result done = lk_run_start(&r, &pid);
    close(input[0]);
    close(output[1]);
    bool told = lk_ok(done) && write(input[1], admins.data, admins.len) == (ssize_t)admins.len; /* fits a pipe */
    close(input[1]);
    bool said = told && read_broker_id(output[0], in->broker_id);
    close(output[0]);
    LK_TRY(done);
    return lk_run_wait(pid) == 0 && said ? LK_OK : LK_FAIL(STORE_IO);
}

static lk_result make_store(struct init *in)
{
    LK_BUF_AUTO admins = lk_buf(60u << 10);
    LK_TRY(admin_lines(in, &admins));
    int link[2];
    pid_t token;
    LK_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) == 0, IO);
    lk_result r = start_token(in, link[0], &token);
    close(link[0]);
    bool running = lk_ok(r);
    if (running)
        r = run_keeper(in, link[1], lk_buf_bytes(&admins));
    close(link[1]); /* ends the token process */
    if (running)
        (void)lk_run_wait(token);
    return r;
}

/* The first address that it listens on; for a wildcard a person must write the name that clients know. */
static lk_result write_profile(const struct init *in)
{
    const struct lk_config_listen *l = &in->config->listen[0];
    bool v6 = strchr(l->host, ':') != NULL;
    char key[PATH_MAX];
    if (realpath(in->admins[0].file, key) == NULL)
        return LK_FAIL(FILE);
    size_t len = strlen(key);
    if (len > 4 && strcmp(key + len - 4, ".pub") == 0)
        key[len - 4] = '\0';
    FILE *f = fopen(in->profile, "wex");
    LK_REQUIRE(f != NULL, FILE);
    fprintf(f, "# How latchkey reaches this broker, and who signs: latchkey(1), PROFILE.\n"
               "broker = %s%s%s:%s\nbroker-id = %s\nkey = %s\n",
            v6 ? "[" : "", l->host, v6 ? "]" : "", l->port, in->broker_id, key);
    return fclose(f) == 0 ? LK_OK : LK_FAIL(IO);
}

static lk_result run(struct init *in, const char *config)
{
    LK_TRY(load_config(in, config));
    LK_TRY(make_state_folder(in->config));
    if (!in->reuse_token)
        LK_TRY(make_token_keys(in));
    LK_TRY(make_store(in));
    return in->profile != NULL ? write_profile(in) : LK_OK;
}

int lk_cmd_init(int argc, char **argv)
{
    static const struct option table[] = {{"config", required_argument, NULL, 'c'}, {"admin", required_argument, NULL, 'a'},
                                          {"write-profile", required_argument, NULL, 'p'},
                                          {"reuse-token", no_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct init in = {0};
    const char *config = NULL;
    optind = 0;
    for (int opt; (opt = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        if (opt == 'h')
            return fputs(usage, stdout) < 0;
        if (opt == '?' || (opt == 'a' && !take_admin(&in, optarg)))
            return lk_cli_usage("init: see latchkey init --help");
        if (opt == 'c')
            config = optarg;
        else if (opt == 'p')
            in.profile = optarg;
        else if (opt == 'r')
            in.reuse_token = true;
    }
    if (config == NULL || in.n_admins == 0 || optind < argc)
        return lk_cli_usage("init: --config and at least one --admin are needed");
    lk_result r = run(&in, config);
    if (lk_ok(r))
        printf("store      %s\ntoken      %s\nbroker id  %s\n", in.config->state, in.config->token.label, in.broker_id);
    lk_config_free(in.config);
    if (lk_ok(r))
        return 0;
    lk_cli_fail(r, "init");
    return EXIT_FAILED;
}
