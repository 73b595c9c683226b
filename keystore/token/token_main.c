/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latchkey-token: the one process that loads the vendor's PKCS#11 module and knows the PIN. docs/man/latchkey-token.8.
 */
#include "keystore/token/create.h"
#include "keystore/token/facts.h"
#include "keystore/token/head.h"
#include "keystore/token/profile.h"
#include "keystore/token/serve.h"
#include "keystore/token/trial.h"
#include "proto/base/log.h"
#include "proto/link/descriptors.h"
#include "proto/link/frame.h"
#include "proto/link/settings.h"
#include "proto/seal/key.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_OK = 0,
    EXIT_AGAIN = 1,      /* a new process may succeed */
    EXIT_USAGE = 64,
};

enum { PIN_MAX = 256, FACTS_MAX = 8 << 10, SECRET_MEMORY_EACH = 1 << 20 };

static const char help[] =
    "latchkey-token: holds the broker's keys behind a PKCS#11 module.\n"
    "\n"
    "  latchkey-token --probe --module=FILE --label=TEXT [--pin-fd=N] [--json]\n"
    "  latchkey-token --init  --module=FILE --label=TEXT [--pin-fd=N] [--allow-unenforced-templates]\n"
    "  latchkey-token --help | --version\n"
    "\n"
    "--probe  tries what the token can do, and prints it. Nothing in the token is changed.\n"
    "--init   makes the keys of an installation and prints their public facts as JSON. It refuses a token that has\n"
    "         any of them. latchkey init runs it.\n"
    "\n"
    "The PIN is the first line of descriptor N (0 by default: standard input); never an argument, never the\n"
    "environment. Without options the program is a part of latchkeyd, which starts it (descriptors: 3 the link to the\n"
    "keeper, 4 settings, 5 the PIN file).\n"
    "\n"
    "exit: 0; 1 the token is away; 64 wrong usage; 78 wrong PIN, missing key or mechanism: trying again is no use.\n";

static int exit_of(lk_result r)
{
    if (lk_ok(r))
        return EXIT_OK;
    switch (r.code) {
    case LK_R_TOKEN_PIN:
    case LK_R_TOKEN_CONFIG:
    case LK_R_TOKEN_TEMPLATE:
    case LK_R_TOKEN_EXISTS:
    case LK_R_CONFIG:
        return LK_EXIT_NO_USE;
    default:
        return EXIT_AGAIN;
    }
}

static int tell(lk_result r)
{
    const struct lk_reason *why = lk_reason(r.code);
    if (!lk_ok(r))
        lk_log(LK_LOG_ERROR, "token.failed", "reason=%s text=%s", why->name, lk_log_text(why->text));
    return exit_of(r);
}

/* The first line, without its end. The descriptor is closed. */
static lk_result read_pin(int fd, struct lk_secret *pin)
{
    LK_SECRET_AUTO room = {0};
    LK_TRY(lk_secret_new(&room, PIN_MAX + 1));
    size_t n = 0;
    ssize_t got = 1;
    while (n < room.len && got > 0) {
        got = read(fd, room.data + n, room.len - n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            n += (size_t)got;
    }
    close(fd);
    size_t len = strcspn((const char *)room.data, "\r\n");
    LK_REQUIRE(got >= 0 && n <= PIN_MAX && len <= n && len > 0, TOKEN_PIN);
    return lk_secret_copy(pin, lk_bytes(room.data, len));
}

static lk_result start_session(struct lk_token *t, struct lk_session *s, const char *module, const char *label,
                               int pin_fd)
{
    LK_SECRET_AUTO pin = {0};
    LK_TRY(read_pin(pin_fd, &pin));
    LK_TRY(lk_token_open(t, module, label, &pin));
    return lk_session_open(s, t);
}

/* ---- as a part of latchkeyd ---- */

struct service {
    struct lk_settings settings;
    const char *module, *label;
    uint64_t sessions, timeout_ms;
    bool allow_unenforced;
};

static bool says_yes(const struct lk_settings *s, const char *name)
{
    const char *value = lk_settings_text(s, name);
    return value != NULL && strcmp(value, "yes") == 0;
}

static lk_result read_settings(struct service *v)
{
    LK_TRY(lk_settings_read(LK_FD_SETTINGS, &v->settings));
    lk_log_setup("token", lk_settings_log_level(&v->settings));
    v->module = lk_settings_text(&v->settings, "module");
    v->label = lk_settings_text(&v->settings, "label");
    LK_REQUIRE(v->module != NULL && v->label != NULL, CONFIG);
    LK_TRY(lk_settings_uint(&v->settings, "sessions", 1, LK_TOKEN_THREADS_MAX, &v->sessions));
    LK_TRY(lk_settings_uint(&v->settings, "token-timeout-ms", 100, 3600000, &v->timeout_ms));
    v->allow_unenforced = says_yes(&v->settings, "allow-unenforced-templates");
    return LK_OK;
}

static lk_result send_ready(struct lk_session *s)
{
    LK_BUF_AUTO keys = lk_buf(2 * LK_SPKI_MAX);
    LK_BUF_AUTO payload = lk_buf(FACTS_MAX);
    struct lk_token_info info;
    LK_TRY(lk_token_facts(s, &keys, &info));
    lk_token_info_put(&payload, &info);
    LK_TRY(lk_buf_ok(&payload));
    return lk_frame_send(LK_FD_TOKEN_KEEPER, LK_F_TOKEN_READY, 0, lk_buf_bytes(&payload));
}

static size_t power_of_two(size_t n)
{
    size_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}

static lk_result prepare(struct service *v, struct lk_token *t)
{
    struct lk_session s;
    struct lk_token_profile profile;
    LK_TRY(read_settings(v));
    LK_TRY(lk_token_profile(&v->settings, &profile));
    LK_TRY(lk_sandbox_begin(&profile.sandbox, lk_settings_strict(&v->settings)));
    LK_TRY(lk_secret_setup(power_of_two(((size_t)v->sessions + 1) * SECRET_MEMORY_EACH)));
    LK_TRY(start_session(t, &s, v->module, v->label, LK_FD_TOKEN_PIN));
    LK_TRY(lk_trial(&s, v->allow_unenforced));
    v->sessions = lk_token_sessions(t, (unsigned)v->sessions + 1) - 1; /* this one stays, so that the login does */
    LK_TRY(lk_sandbox_enter(&profile.sandbox, lk_settings_strict(&v->settings)));
    return send_ready(&s);
}

/* Never by return: the module's exit handlers would run after what they need is gone. */
static _Noreturn void leave(int code)
{
    fflush(NULL);
    _exit(code);
}

static _Noreturn void serve(void)
{
    static struct service v;
    static struct lk_token t;
    lk_log_setup("token", LK_LOG_INFO);
    lk_result r = prepare(&v, &t);
    if (!lk_ok(r))
        leave(tell(r));
    unsigned threads = v.sessions < 1 ? 1 : (unsigned)v.sessions;
    lk_log(LK_LOG_INFO, "token.ready", "sessions=%u kwp=0x%lx", threads, t.traits.kwp);
    enum lk_serve_end end = lk_token_serve(&t, LK_FD_TOKEN_KEEPER, threads, v.timeout_ms);
    if (end != LK_SERVE_CLOSED)
        leave(EXIT_AGAIN); /* a thread may be inside the module still */
    lk_token_close(&t);
    leave(EXIT_OK);
}

/* ---- by hand, and by latchkey init ---- */

struct tool {
    bool init, probe, json, allow_unenforced;
    const char *module, *label;
    int pin_fd;
};

static lk_result print_facts(const struct tool *o, struct lk_session *s, bool initialized)
{
    LK_BUF_AUTO keys = lk_buf(2 * LK_SPKI_MAX);
    struct lk_token_info info;
    if (initialized)
        LK_TRY(lk_token_facts(s, &keys, &info));
    (o->json || o->init ? lk_facts_json : lk_facts_text)(stdout, s->token, initialized ? &info : NULL);
    return LK_OK;
}

static lk_result probe(const struct tool *o, struct lk_session *s)
{
    bool initialized = false;
    LK_TRY(lk_session_has_key(s, LK_TOKEN_KEK_SEALED, &initialized));
    LK_TRY(initialized ? lk_trial(s, true) : lk_trial_without_keys(s));
    return print_facts(o, s, initialized);
}

static lk_result init(const struct tool *o, struct lk_session *s)
{
    LK_TRY(lk_create_all(s, o->allow_unenforced));
    return print_facts(o, s, true);
}

static _Noreturn void run_tool(const struct tool *o)
{
    static struct lk_token t;
    static struct lk_session s;
    const struct rlimit none = {0, 0};
    lk_log_setup("token", LK_LOG_INFO);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    lk_result r = lk_secret_setup(SECRET_MEMORY_EACH);
    if (lk_ok(r))
        r = start_session(&t, &s, o->module, o->label, o->pin_fd);
    if (lk_ok(r))
        r = o->init ? init(o, &s) : probe(o, &s);
    lk_token_close(&t);
    leave(tell(r));
}

enum { OPT_INIT = 1, OPT_PROBE, OPT_MODULE, OPT_LABEL, OPT_PIN_FD, OPT_JSON, OPT_ALLOW, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
    {"init", no_argument, NULL, OPT_INIT},
    {"probe", no_argument, NULL, OPT_PROBE},
    {"module", required_argument, NULL, OPT_MODULE},
    {"label", required_argument, NULL, OPT_LABEL},
    {"pin-fd", required_argument, NULL, OPT_PIN_FD},
    {"json", no_argument, NULL, OPT_JSON},
    {"allow-unenforced-templates", no_argument, NULL, OPT_ALLOW},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static bool parse_fd(const char *text, int *fd)
{
    char *end = NULL;
    errno = 0;
    long n = strtol(text, &end, 10);
    *fd = (int)n;
    return errno == 0 && end != text && *end == '\0' && n >= 0 && n < 1024;
}

/* -1: go on; else the exit code. */
static int take_option(struct tool *o, int option)
{
    switch (option) {
    case OPT_INIT: o->init = true; return -1;
    case OPT_PROBE: o->probe = true; return -1;
    case OPT_MODULE: o->module = optarg; return -1;
    case OPT_LABEL: o->label = optarg; return -1;
    case OPT_JSON: o->json = true; return -1;
    case OPT_ALLOW: o->allow_unenforced = true; return -1;
    case OPT_PIN_FD: return parse_fd(optarg, &o->pin_fd) ? -1 : EXIT_USAGE;
    case OPT_HELP: fputs(help, stdout); return EXIT_OK;
    case OPT_VERSION: puts("latchkey-token " LK_VERSION); return EXIT_OK;
    default: return EXIT_USAGE;
    }
}

int main(int argc, char **argv)
{
    struct tool o = {0};
    if (argc == 1)
        serve();
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int code = take_option(&o, option);
        if (code >= 0)
            return code;
    }
    if (optind != argc || o.init == o.probe || o.module == NULL || o.label == NULL) {
        fputs("latchkey-token: one of --init and --probe, with --module and --label; see --help\n", stderr);
        return EXIT_USAGE;
    }
    run_tool(&o);
}
