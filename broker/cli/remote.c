/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/clock.h"
#include "proto/base/file.h"

#define EXTRA_MAX 8
#define OPT_JSON 0x2000
#define OPT_HELP 0x2001
#define OPT_EXTRA 0x3000

static void print_help(const char *usage, const struct lk_remote_option *extra, size_t n)
{
    printf("usage: latchkey %s\n\n", usage);
    for (size_t i = 0; i < n; i++)
        printf("  --%s%s\n", extra[i].name, extra[i].help);
    fputs("  --json              machine-readable output\n" LK_PROFILE_HELP, stdout);
}

static void take_extra(const struct lk_remote_option *o, const char *value)
{
    if (o->value != NULL)
        *o->value = value;
    else
        *o->flag = true;
}

static size_t make_table(const struct lk_remote_option *extra, size_t n_extra, struct option *table)
{
    const struct option common[] = {LK_PROFILE_OPTIONS, {"json", no_argument, NULL, OPT_JSON}, {"help", no_argument, NULL, OPT_HELP}};
    size_t n = sizeof(common) / sizeof(*common);
    memcpy(table, common, sizeof(common));
    for (size_t i = 0; i < n_extra && i < EXTRA_MAX; i++)
        table[n++] = (struct option){extra[i].name, extra[i].value != NULL ? required_argument : no_argument, NULL,
                                     OPT_EXTRA + (int)i};
    table[n] = (struct option){0};
    return n;
}

bool lk_remote_args(struct lk_remote *r, int argc, char **argv, const struct lk_remote_option *extra, size_t n_extra,
                    const char *usage, int *code)
{
    struct option table[EXTRA_MAX + 16];
    make_table(extra, n_extra, table);
    optind = 0; /* scan anew: main has looked at argv with it */
    argv[0] = (char *)(uintptr_t)"latchkey"; /* who speaks in getopt's messages */
    *code = LK_EXIT_USAGE;
    for (int opt; (opt = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        if (opt == OPT_HELP || opt == 'h') {
            print_help(usage, extra, n_extra);
            *code = 0;
            return false;
        }
        if (opt == '?') {
            lk_cli_usage("usage: latchkey %s", usage);
            return false;
        }
        if (opt == OPT_JSON)
            r->json = true;
        else if (opt >= OPT_EXTRA)
            take_extra(&extra[opt - OPT_EXTRA], optarg);
        else
            lk_profile_take(&r->args, opt, optarg);
    }
    if (argc - optind > 1) {
        lk_cli_usage("usage: latchkey %s", usage);
        return false;
    }
    r->name = optind < argc ? argv[optind] : NULL;
    return true;
}

lk_result lk_remote_open(struct lk_remote *r)
{
    LK_TRY(lk_profile_resolve(&r->args, &r->profile));
    return lk_admin_open(&r->profile, &r->admin);
}

void lk_remote_close(struct lk_remote *r)
{
    lk_admin_close(r->admin);
    r->admin = NULL;
}

static void print_object(const Latchkey__V1__ObjectInfo *o)
{
    char when[24], digest[17];
    lk_time_format(o->changed, when, sizeof(when));
    lk_hex(lk_bytes(o->digest.data, o->digest.len < 8 ? o->digest.len : 8), digest, sizeof(digest));
    printf("%-40s %8llu  %s  %s  %s", o->name, (unsigned long long)o->revision, when, digest, o->note);
    if (strcmp(o->kind, "secret") == 0)
        printf(", policy %s", o->policy[0] != '\0' ? o->policy : "none");
    if (o->made_by[0] != '\0')
        printf(", made on first use by %s", o->made_by);
    putchar('\n');
}

static json_t *object_json(const Latchkey__V1__ObjectInfo *o)
{
    char digest[129];
    lk_hex(lk_bytes(o->digest.data, o->digest.len), digest, sizeof(digest));
    return json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:s}", "kind", o->kind, "name", o->name, "revision",
                     (json_int_t)o->revision, "digest", digest, "changed", (json_int_t)o->changed, "note", o->note,
                     "made_by", o->made_by, "policy", o->policy);
}

static void print_objects(const Latchkey__V1__QueryResult *result, bool json)
{
    json_t *list = json ? json_array() : NULL;
    if (!json)
        printf("%-40s %8s  %-20s  %-16s  %s\n", "NAME", "REVISION", "CHANGED", "DIGEST", "NOTE");
    for (size_t i = 0; i < result->n_objects; i++) {
        if (json)
            json_array_append_new(list, object_json(result->objects[i]));
        else
            print_object(result->objects[i]);
    }
    if (json) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(list);
    }
}

int lk_remote_list(struct lk_remote *r, const char *kind, const char *prefix)
{
    Latchkey__V1__QueryArgs args = LATCHKEY__V1__QUERY_ARGS__INIT;
    const Latchkey__V1__QueryResult *result = NULL;
    args.name = (char *)(uintptr_t)(prefix != NULL ? prefix : "");
    args.limit = 1000;
    lk_result done = lk_remote_open(r);
    if (lk_ok(done))
        done = lk_admin_query(r->admin, LK_QUERY_LIST, kind, &args, &result);
    if (!lk_ok(done))
        return lk_admin_fail(r->admin, done, "%s list", kind);
    print_objects(result, r->json);
    return 0;
}

static void print_done(const struct lk_remote *r, const char *list, const char *name, const struct lk_change_done *done)
{
    if (r->json)
        printf("{\"change\": %llu, \"revision\": %llu, \"generation\": %llu}\n", (unsigned long long)done->index,
               (unsigned long long)done->revisions[0], (unsigned long long)done->generation);
    else
        printf("%s %s: revision %llu, change %llu, generation %llu\n", list, name, (unsigned long long)done->revisions[0],
               (unsigned long long)done->index, (unsigned long long)done->generation);
}

int lk_remote_put(struct lk_remote *r, enum lk_change_kind kind, const char *list, const char *name,
                  struct lk_bytes payload)
{
    struct lk_change_done done;
    lk_result result = lk_admin_put(r->admin, kind, list, name, payload, &done);
    if (!lk_ok(result))
        return lk_admin_fail(r->admin, result, "%s %s", list, name);
    print_done(r, list, name, &done);
    return 0;
}

static lk_result delete_one(struct lk_remote *r, enum lk_change_kind kind, const char *list, const char *name,
                            struct lk_change_done *done)
{
    struct lk_change_item item = {.kind = kind, .object = name};
    LK_TRY(lk_remote_open(r));
    LK_TRY(lk_admin_revision(r->admin, list, name, &item.revision));
    LK_REQUIRE(item.revision != 0, NOT_FOUND);
    return lk_admin_change(r->admin, &item, 1, done);
}

int lk_remote_delete(struct lk_remote *r, enum lk_change_kind kind, const char *list, const char *name)
{
    struct lk_change_done done;
    lk_result result = delete_one(r, kind, list, name, &done);
    if (!lk_ok(result))
        return lk_admin_fail(r->admin, result, "%s %s", list, name);
    print_done(r, list, name, &done);
    return 0;
}

lk_result lk_cli_file_failed(const char *path)
{
    fprintf(stderr, "latchkey: %s: %s\n", path, strerror(errno));
    return LK_FAIL(FILE);
}

lk_result lk_cli_read_file(const char *path, struct lk_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lk_cli_file_failed(path);
    bool whole = lk_file_read(fd, out);
    int error = errno;
    close(fd);
    errno = error;
    return whole ? lk_buf_ok(out) : lk_cli_file_failed(path);
}
