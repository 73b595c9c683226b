/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/guest/fetch/settings.h"
#include "broker/guest/fetch/volumes.h"

#define EXIT_USAGE 64
#define KERNEL_COMMAND_LINE "/proc/cmdline"

static const char usage[] =
    "usage: latchkey-fetch --broker HOST:PORT --broker-id HEX --secret NAME[=TARGET] ...\n"
    "       latchkey-fetch --config FILE [--kernel-command-line]\n\n"
    "  --config FILE          settings from a file: NAME = VALUE with the names of these options (fetch.conf(5))\n"
    "  --kernel-command-line[=FILE]  and from the kernel's: latchkey.NAME=VALUE\n"
    "  --broker HOST:PORT     broker; several are tried in turn\n"
    "  --broker-id HEX        SHA-256 of the broker's installation key: whose answers are believed\n"
    "  --secret NAME[=TARGET] what to fetch, several times for several secrets; TARGET is a file (mode 0600),\n"
    "                         fd:N (an open descriptor), - (standard output, the default), or\n"
    "                         file:PATH,mode=0400,owner=UID:GID; crypttab:VOLUME; luks:DEVICE,name=NAME\n"
    "  --create               a secret that does not exist yet may be made for this machine, if its policy says so\n"
    "  --enroll-luks DEVICE   make the one secret open a LUKS2 device: with --existing-key FILE, a key that opens it\n"
    "                         now, or --format when it holds nothing; see --create\n"
    "  --out FILE, --out-fd N target of the secret that names none\n"
    "  --collector PROGRAM    how to get evidence, several times for several; arguments after spaces\n"
    "                         (default: latchkey-evidence-snp, -tpm, -tdx and -logs, whichever works)\n"
    "  --suite KEY            recipient key: x25519 (default), p256, rsa2048, rsa3072, rsa4096\n"
    "  --on-refused WHAT      exit (default), or wait: ask again until --timeout\n"
    "  --timeout SECONDS      in all (default 300; 0: for ever)\n"
    "  --call-timeout SECONDS for one connection, call or collector (default 30)\n"
    "  --save-bundle FILE     keep the request that is sent (mode 0600): latchkey chain shows it\n"
    "  --ca FILE              also check the broker's TLS certificate (needs a right clock)\n"
    "  --server-name NAME     name in that certificate, when it is not the host\n"
    "  --json                 status on standard error as JSON, one object a line\n"
    "  --version, --help\n\n"
    "exit: 0 all secrets were written; 1 refused; 2 not authentic; 3 cannot judge; 4 malformed; 5 unavailable;\n"
    "      6 the broker's answer is not to be believed; 7 no evidence on this machine; 8 a secret could not be written;\n"
    "      64 wrong usage; 70 internal\n";

/* Options that are no settings; getopt's value of a setting is SETTING and its row. */
enum { OPT_CONFIG = 'c', OPT_KERNEL = 'k', OPT_VERSION = 'v', OPT_HELP = 'h', SETTING = 256 };

static const struct option own[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"kernel-command-line", optional_argument, NULL, OPT_KERNEL},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};
#define OWN (sizeof(own) / sizeof(*own))

static bool wrong(int *code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(int *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("latchkey-fetch: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputs(" (see --help)\n", stderr);
    va_end(ap);
    *code = EXIT_USAGE;
    return false;
}

static void make_table(struct option table[static LK_SETTINGS_MAX + OWN])
{
    size_t n = lk_settings_count();
    for (size_t i = 0; i < n; i++)
        table[i] = (struct option){lk_settings_table[i].name, lk_settings_table[i].flag ? no_argument : required_argument,
                                   NULL, SETTING + (int)i};
    memcpy(table + n, own, sizeof(own));
}

/* What decides whom this machine believes must not be for others to write. */
static bool is_safe(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    errno = EPERM;
    return S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* One byte more than may be, so that what is too long is seen; and one for the NUL. */
static bool read_text(int fd, char text[static LK_SOURCE_MAX + 2], size_t *len)
{
    ssize_t n = 1;
    for (*len = 0; n > 0 && *len <= LK_SOURCE_MAX; *len += n > 0 ? (size_t)n : 0)
        n = read(fd, text + *len, LK_SOURCE_MAX + 1 - *len);
    return n >= 0;
}

static bool read_source(struct lk_settings *s, const char *path, enum lk_source source, char **text, int *code)
{
    struct lk_source_error e = {0};
    size_t len = 0;
    *text = malloc(LK_SOURCE_MAX + 2);
    int fd = *text == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && (source != LK_FROM_FILE || is_safe(fd)) && read_text(fd, *text, &len);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!ok)
        return wrong(code, "%s: %s", path, strerror(error));
    s->source = source;
    ok = (source == LK_FROM_FILE ? lk_source_file : lk_source_kernel)(*text, len, lk_settings_put, s, &e);
    if (!ok && e.line > 0)
        return wrong(code, "%s:%u: %s", path, e.line, e.text);
    return ok || wrong(code, "%s: %s", path, e.text);
}

struct places {
    const char *config, *kernel;
};

static bool read_line(struct lk_settings *s, int argc, char **argv, struct places *places, int *code)
{
    struct option table[LK_SETTINGS_MAX + OWN];
    struct lk_source_error e;
    make_table(table);
    s->source = LK_FROM_OPTIONS;
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (opt == OPT_HELP || opt == OPT_VERSION) {
            *code = 0;
            fputs(opt == OPT_HELP ? usage : "latchkey-fetch " LK_VERSION "\n", stdout);
            return false;
        }
        if (opt == '?')
            return wrong(code, "wrong option");
        if (opt == OPT_CONFIG)
            places->config = optarg;
        else if (opt == OPT_KERNEL)
            places->kernel = optarg != NULL ? optarg : KERNEL_COMMAND_LINE;
        else if (!lk_settings_put(s, lk_settings_table[opt - SETTING].name, optarg, &e))
            return wrong(code, "--%s", e.text);
    }
    return optind == argc || wrong(code, "\"%s\" is no option", argv[optind]);
}

bool lk_fetch_options_read(struct lk_fetch_options *o, int argc, char **argv, int *code)
{
    *o = (struct lk_fetch_options){.timeout_s = 300, .call_timeout_s = 30, .key = LK_GUEST_KEY_X25519,
                                   .keys_folder = LK_VOLUMES_FOLDER};
    struct lk_settings s = {.o = o};
    struct places places = {NULL, NULL};
    struct lk_source_error e;
    bool ok = read_line(&s, argc, argv, &places, code);
    ok = ok && (places.config == NULL || read_source(&s, places.config, LK_FROM_FILE, &o->texts[0], code));
    ok = ok && (places.kernel == NULL || read_source(&s, places.kernel, LK_FROM_KERNEL, &o->texts[1], code));
    ok = ok && (lk_settings_settle(&s, &e) || wrong(code, "%s", e.text));
    if (!ok)
        lk_fetch_options_free(o);
    return ok;
}

void lk_fetch_options_free(struct lk_fetch_options *o)
{
    for (size_t i = 0; i < 2; i++) {
        free(o->texts[i]);
        o->texts[i] = NULL;
    }
}
