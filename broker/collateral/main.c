/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latchkey-collateral-fetch: asks the vendors' services for collateral and puts it into a folder. The one program of
 * Latchkey that speaks HTTP to strangers: it holds no key, knows no broker, and is run by `latchkey collateral fetch`.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/collateral/keep.h"
#include "broker/collateral/options.h"
#include "broker/collateral/queue.h"
#include "proto/base/clock.h"

#define NAMES_MAX 16384
#define EXIT_SOME 1
#define EXIT_NOTHING 3
#define EXIT_USAGE 64
#define EXIT_INTERNAL 70

struct program {
    struct lk_collateral_options o;
    struct lk_queue q;
    int folder;
    size_t failed;
    const char *how; /* "got", "unchanged", "fresh": of the file that was looked at last */
    int64_t until;   /* of it */
};

/* One line; who reads it may be waiting for it. */
static void say(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static lk_result keep(void *context, struct lk_queue_item *item, struct lk_bytes bytes)
{
    struct program *p = context;
    char file[256];
    LK_REQUIRE(lk_want_file(&item->want, file, sizeof(file)), VENDOR_NAME);
    bool changed = false;
    lk_result r = lk_keep(p->folder, file, bytes, &changed);
    p->how = changed ? "got" : "unchanged";
    p->until = lk_answer_until(&item->want, bytes);
    if (!lk_ok(r))
        snprintf(item->detail, sizeof(item->detail), "%s", strerror(errno));
    return r;
}

static void settled(void *context, const struct lk_queue_item *item)
{
    struct program *p = context;
    const char *result = lk_ok(item->result) ? p->how : "failed";
    p->failed += lk_ok(item->result) ? 0 : 1;
    json_t *line = json_pack("{s:s, s:s, s:s}", "name", item->want.name, "result", result, "url", item->want.url[item->url]);
    if (!lk_ok(item->result)) {
        json_object_set_new(line, "code", json_string(lk_reason(item->result.code)->name));
        json_object_set_new(line, "detail", json_string(item->detail));
        json_object_set_new(line, "tries", json_integer(item->tries));
    }
    if (lk_ok(item->result) && p->until != 0)
        json_object_set_new(line, "until", json_integer(p->until));
    if (item->status != 0)
        json_object_set_new(line, "status", json_integer(item->status));
    say(line);
}

static void again(void *context, const struct lk_queue_item *item, bool pause, uint64_t wait_ms)
{
    (void)context;
    say(json_pack("{s:s, s:s, s:s, s:s, s:I}", pause ? "pause" : "retry", pause ? lk_vendor_name(item->want.vendor) : item->want.name,
                  "code", lk_reason(item->result.code)->name, "url", item->want.url[item->url], "detail", item->detail, "wait_ms",
                  (json_int_t)wait_ms));
}

/* The folder has it, and for long enough. */
static bool fresh(struct program *p, const struct lk_queue_item *item)
{
    char file[256];
    LK_BUF_AUTO kept = lk_buf(LK_ANSWER_MAX);
    if (p->o.ahead_s == 0 || !lk_want_file(&item->want, file, sizeof(file)) || !lk_ok(lk_keep_read(p->folder, file, &kept)))
        return false;
    p->how = "fresh";
    p->until = lk_answer_until(&item->want, lk_buf_bytes(&kept));
    return p->until > lk_clock_wall() + p->o.ahead_s;
}

/* An item that was wanted before in the same run. */
static bool known(const struct lk_queue *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++)
        if (strcmp(q->items[i].want.name, name) == 0)
            return true;
    return false;
}

/* "NAME[ PRODUCT]"; a name that cannot be asked for is an item that has failed already. */
static void add(struct program *p, const char *line, size_t len)
{
    struct lk_queue *q = &p->q;
    const char *blank = memchr(line, ' ', len);
    struct lk_bytes name = lk_bytes(line, blank == NULL ? len : (size_t)(blank - line));
    struct lk_bytes product = blank == NULL ? LK_BYTES_NONE : lk_bytes(blank + 1, len - name.len - 1);
    struct lk_queue_item *item = &q->items[q->n];
    item->result = lk_want(&p->o.services, name, product, &item->want);
    q->n += known(q, item->want.name) ? 0 : 1;
}

/* All of it, before anything is answered: who writes it does not read meanwhile. */
static bool read_names(struct program *p)
{
    char *line = NULL;
    size_t room = 0;
    bool ok = true;
    for (ssize_t n; ok && (n = getline(&line, &room, stdin)) > 0;) {
        n -= line[n - 1] == '\n' ? 1 : 0;
        ok = p->q.n < NAMES_MAX;
        if (ok && n > 0)
            add(p, line, (size_t)n);
    }
    free(line);
    return ok && !ferror(stdin);
}

static int run(struct program *p)
{
    size_t open = 0;
    for (size_t i = 0; i < p->q.n; i++) {
        struct lk_queue_item *item = &p->q.items[i];
        item->settled = !lk_ok(item->result) || fresh(p, item);
        open += item->settled ? 0 : 1;
        if (item->settled)
            settled(p, item);
    }
    if (!lk_ok(lk_queue_run(&p->q)))
        return EXIT_INTERNAL;
    if (p->failed == 0)
        return 0;
    return open > 0 && !p->q.answered ? EXIT_NOTHING : EXIT_SOME;
}

int main(int argc, char **argv)
{
    struct program p = {.folder = -1};
    int code = 0;
    if (!lk_collateral_options(argc, argv, &p.o, &code))
        return code;
    if (!lk_ok(lk_keep_folder(p.o.out, &p.folder))) {
        fprintf(stderr, "latchkey-collateral-fetch: %s: %s\n", p.o.out, strerror(errno));
        return EXIT_USAGE;
    }
    p.q = (struct lk_queue){.items = calloc(NAMES_MAX, sizeof(struct lk_queue_item)), .pace = p.o.pace,
                            .ca = {p.o.ca[0], p.o.ca[1]}, .calls = {&p, keep, settled, again}};
    if (p.q.items == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EXIT_INTERNAL;
    code = read_names(&p) ? run(&p) : EXIT_USAGE;
    curl_global_cleanup();
    free(p.q.items);
    close(p.folder);
    return code;
}
