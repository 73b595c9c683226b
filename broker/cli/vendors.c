/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/vendors.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "broker/cli/command.h"
#include "broker/cli/run.h"
#include "broker/client/child.h"
#include "broker/supervisor/spawn.h"
#include "proto/base/clock.h"

#define PROGRAM "latchkey-collateral-fetch"
#define LINE_MAX_BYTES 4096
#define EXIT_BROKEN 70

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

void lk_wanted_add(struct lk_wanted *w, const char *name, const char *product)
{
    static const char list[] = "sgx/pck-crl/";
    w->n++;
    lk_put_fmt(&w->lines, "%s%s%s\n", name, product == NULL ? "" : " ", product == NULL ? "" : product);
    if (begins(name, "tdx/") || begins(name, "sgx/tcb-info/") || begins(name, "sgx/qe-identity"))
        lk_put_fmt(&w->lines, "sgx/tcb-chain\n");
    if (begins(name, list))
        lk_put_fmt(&w->lines, "sgx/pck-chain/%s\n", name + sizeof(list) - 1);
}

static const char *text_of(const json_t *line, const char *key)
{
    const char *s = json_string_value(json_object_get(line, key));
    return s != NULL ? s : "";
}

static void tell_failure(const json_t *line, const char *name)
{
    const struct lk_reason *reason = lk_reason(lk_reason_by_name(text_of(line, "code")));
    json_int_t status = json_integer_value(json_object_get(line, "status"));
    const char *detail = text_of(line, "detail");
    printf("missing    %s: %s: %s %s", name, reason->name, reason->text, reason->remedy);
    if (status != 0 && status != 200)
        printf(" [status %" JSON_INTEGER_FORMAT "]", status);
    printf("%s%s%s\n", *detail != '\0' ? " [" : "", detail, *detail != '\0' ? "]" : "");
}

static void tell_item(const json_t *line, const char *name)
{
    char until[24] = "";
    json_int_t end = json_integer_value(json_object_get(line, "until"));
    if (strcmp(text_of(line, "result"), "failed") == 0) {
        tell_failure(line, name);
        return;
    }
    if (end > 0)
        lk_time_format(end, until, sizeof(until));
    printf("%-10s %s%s%s\n", text_of(line, "result"), name, *until != '\0' ? ", until " : "", until);
}

static void take_item(struct lk_vendors_run *run, const json_t *line, const char *text)
{
    const char *name = text_of(line, "name");
    bool failed = strcmp(text_of(line, "result"), "failed") == 0;
    json_int_t end = json_integer_value(json_object_get(line, "until"));
    run->failed += failed ? 1 : 0;
    run->there += failed ? 0 : 1;
    if (!failed && end > 0 && end < run->first_end)
        run->first_end = end;
    if (run->json)
        fputs(text, stdout);
    else
        tell_item(line, name);
    fflush(stdout);
}

/* Who waits for minutes wants to know for what. */
static void tell_wait(const json_t *line)
{
    const char *vendor = text_of(line, "pause");
    json_int_t wait = json_integer_value(json_object_get(line, "wait_ms"));
    fprintf(stderr, "latchkey: %s%s: %s; again in %" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT " s\n",
            *vendor != '\0' ? "the whole service " : text_of(line, "retry"), vendor, text_of(line, "code"), wait / 1000, wait % 1000 / 100);
}

static bool take_line(struct lk_vendors_run *run, const char *text)
{
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool item = json_is_string(json_object_get(line, "name"));
    if (item)
        take_item(run, line, text);
    else if (line != NULL && !run->json)
        tell_wait(line);
    json_decref(line);
    return line != NULL;
}

static bool read_lines(struct lk_vendors_run *run, int fd)
{
    char text[LINE_MAX_BYTES];
    FILE *f = fdopen(fd, "r");
    if (f == NULL) {
        close(fd);
        return false;
    }
    bool ok = true;
    while (ok && fgets(text, sizeof(text), f) != NULL)
        ok = strchr(text, '\n') != NULL && take_line(run, text);
    fclose(f);
    return ok;
}

/* It reads everything before it says anything. */
static void write_names(int fd, struct lk_bytes lines)
{
    for (size_t done = 0; done < lines.len;) {
        ssize_t n = write(fd, lines.data + done, lines.len - done);
        if (n < 0 && errno != EINTR)
            break; /* it has ended: its exit code says why */
        done += n > 0 ? (size_t)n : 0;
    }
    close(fd);
}

int lk_vendors_run(struct lk_vendors_run *run, const struct lk_wanted *wanted)
{
    char path[PATH_MAX];
    const char *argv[LK_VENDORS_ARGS_MAX + 1] = {path};
    struct lk_child child;
    run->there = run->failed = 0;
    run->first_end = INT64_MAX;
    lk_result r = lk_buf_ok(&wanted->lines);
    if (lk_ok(r))
        r = lk_spawn_find(PROGRAM, path);
    memcpy(argv + 1, run->args, sizeof(run->args));
    if (lk_ok(r))
        r = lk_child_start(argv, &child);
    if (!lk_ok(r))
        return lk_cli_fail(r, PROGRAM);
    write_names(child.to, lk_buf_bytes(&wanted->lines));
    bool read = read_lines(run, child.from);
    int code = lk_run_wait(child.pid);
    return read && (code <= 3 || code == LK_EXIT_USAGE) ? code : EXIT_BROKEN;
}
