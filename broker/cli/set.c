/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey reference set`: sets that are sent to a broker in parts, shown and compared. */
#include "broker/cli/set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/cli/remote.h"
#include "policy.pb-c.h"
#include "policy/appraise/text.h"
#include "proto/seal/hash.h"

#define KIND "set"
#define PARTS_IN_CHANGE 4 /* that a request has room for */
#define NAME_MAX_BYTES 128
#define ROWS 1000

static lk_result read_file(const char *path, struct lk_set_parts *s)
{
    s->bytes = lk_buf(LK_SET_FILE_MAX);
    LK_TRY(lk_cli_read_file(path, &s->bytes));
    return lk_set_parts_read(s);
}

/* ---- what the broker has ---- */

struct row {
    char name[NAME_MAX_BYTES];
    uint64_t revision;
    uint8_t digest[32];
};

struct rows {
    struct row *r;
    size_t n;
};

static void free_rows(struct rows *rows)
{
    free(rows->r);
}
#define ROWS_AUTO __attribute__((cleanup(free_rows))) struct rows

static lk_result keep_rows(struct rows *rows, const Latchkey__V1__QueryResult *result)
{
    struct row *grown = reallocarray(rows->r, rows->n + result->n_objects + 1, sizeof(*grown));
    LK_REQUIRE(grown != NULL, MEMORY);
    rows->r = grown;
    for (size_t i = 0; i < result->n_objects; i++) {
        const Latchkey__V1__ObjectInfo *o = result->objects[i];
        struct row *row = &rows->r[rows->n++];
        *row = (struct row){.revision = o->revision};
        LK_REQUIRE(strlen(o->name) < sizeof(row->name) && o->digest.len == 32, BROKER_PROTOCOL);
        memcpy(row->name, o->name, strlen(o->name));
        memcpy(row->digest, o->digest.data, 32);
    }
    return LK_OK;
}

/* All parts of all versions of the set. */
static lk_result list_parts(struct lk_admin *a, const char *set, struct rows *rows)
{
    char prefix[NAME_MAX_BYTES];
    snprintf(prefix, sizeof(prefix), "%.64s/", set);
    for (uint64_t total = 1; rows->n < total;) {
        Latchkey__V1__QueryArgs args = LATCHKEY__V1__QUERY_ARGS__INIT;
        const Latchkey__V1__QueryResult *result = NULL;
        args.name = prefix;
        args.first = rows->n;
        args.limit = ROWS;
        LK_TRY(lk_admin_query(a, LK_QUERY_LIST, KIND, &args, &result));
        total = result->total;
        LK_REQUIRE(result->n_objects > 0 || total <= rows->n, BROKER_PROTOCOL);
        LK_TRY(keep_rows(rows, result));
    }
    return LK_OK;
}

static const struct row *find_row(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(rows->r[i].name, name) == 0)
            return &rows->r[i];
    return NULL;
}

/* ---- put ---- */

/* Items of the next change. */
struct batch {
    struct lk_change_item items[LK_ENVELOPE_ITEMS_MAX];
    char names[LK_ENVELOPE_ITEMS_MAX][NAME_MAX_BYTES];
    size_t n, puts;
};

struct putting {
    struct lk_admin *admin;
    const struct lk_set_parts *set;
    struct rows there;
    struct batch batch;
    size_t sent, changes;
};

static void add_item(struct batch *b, enum lk_change_kind kind, const char *name, uint64_t revision, struct lk_bytes payload)
{
    snprintf(b->names[b->n], sizeof(b->names[0]), "%s", name);
    b->items[b->n] = (struct lk_change_item){kind, b->names[b->n], revision, payload};
    b->n++;
}

static lk_result send(struct putting *p)
{
    struct lk_change_done done;
    if (p->batch.n == 0)
        return LK_OK;
    LK_TRY(lk_admin_change(p->admin, p->batch.items, p->batch.n, &done));
    p->sent += p->batch.puts;
    p->changes++;
    fprintf(stderr, "change %llu: %zu of %zu parts, %zu former ones deleted\n", (unsigned long long)done.index, p->sent,
            p->set->n, p->batch.n - p->batch.puts);
    p->batch.n = p->batch.puts = 0;
    return LK_OK;
}

static void part_name(const struct lk_set_part *part, char out[static NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "%s/%s/%u", part->set, part->version, (unsigned)part->part);
}

static lk_result put_part(struct putting *p, size_t i)
{
    char name[NAME_MAX_BYTES];
    uint8_t digest[32];
    part_name(&p->set->parts[i], name);
    const struct row *row = find_row(&p->there, name);
    LK_TRY(lk_sha256(&p->set->messages[i], 1, digest));
    if (row != NULL && memcmp(row->digest, digest, 32) == 0) {
        p->sent++;
        return LK_OK;
    }
    if (p->batch.puts == PARTS_IN_CHANGE)
        LK_TRY(send(p));
    add_item(&p->batch, LK_CHANGE_SET_PUT, name, row == NULL ? 0 : row->revision, p->set->messages[i]);
    p->batch.puts++;
    return LK_OK;
}

static bool of_version(const char *name, const struct lk_set_part *part)
{
    char prefix[NAME_MAX_BYTES];
    int n = snprintf(prefix, sizeof(prefix), "%s/%s/", part->set, part->version);
    return strncmp(name, prefix, (size_t)n) == 0;
}

/* The change that completes the new version also deletes the former one, as far as it has room. */
static lk_result put_all(struct putting *p)
{
    LK_TRY(list_parts(p->admin, p->set->parts[0].set, &p->there));
    for (size_t i = 0; i < p->set->n; i++)
        LK_TRY(put_part(p, i));
    for (size_t i = 0; i < p->there.n; i++) {
        const struct row *row = &p->there.r[i];
        if (of_version(row->name, &p->set->parts[0]))
            continue;
        if (p->batch.n == LK_ENVELOPE_ITEMS_MAX)
            LK_TRY(send(p));
        add_item(&p->batch, LK_CHANGE_SET_DELETE, row->name, row->revision, LK_BYTES_NONE);
    }
    return send(p);
}

static int put(int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    int code;
    if (!lk_remote_args(&remote, argc, argv, NULL, 0, "reference set put FILE", &code))
        return code;
    if (remote.name == NULL)
        return lk_cli_usage("reference set put: a file is needed");
    struct lk_set_parts *set = calloc(1, sizeof(*set));
    struct putting *p = calloc(1, sizeof(*p));
    lk_result r = set == NULL || p == NULL ? LK_FAIL(MEMORY) : read_file(remote.name, set);
    if (lk_ok(r))
        r = lk_remote_open(&remote);
    if (lk_ok(r)) {
        *p = (struct putting){.admin = remote.admin, .set = set};
        r = put_all(p);
    }
    if (lk_ok(r))
        printf("set %s: version %s, %zu parts, %s\n", set->parts[0].set, set->parts[0].version, set->n,
               p->changes == 0 ? "there already" : "in force");
    code = lk_ok(r) ? 0 : lk_admin_fail(remote.admin, r, "reference set put %s", remote.name);
    if (p != NULL)
        free_rows(&p->there);
    free(p);
    if (set != NULL)
        lk_set_parts_free(set);
    free(set);
    return code;
}

/* ---- delete, list ---- */

static lk_result delete_all(struct lk_remote *remote, size_t *n)
{
    ROWS_AUTO rows = {0};
    struct lk_change_item items[LK_ENVELOPE_ITEMS_MAX];
    struct lk_change_done done;
    LK_TRY(lk_remote_open(remote));
    LK_TRY(list_parts(remote->admin, remote->name, &rows));
    LK_REQUIRE(rows.n > 0, NOT_FOUND);
    for (*n = 0; *n < rows.n;) {
        size_t k = 0;
        for (; k < LK_ENVELOPE_ITEMS_MAX && *n < rows.n; k++, (*n)++)
            items[k] = (struct lk_change_item){LK_CHANGE_SET_DELETE, rows.r[*n].name, rows.r[*n].revision, LK_BYTES_NONE};
        LK_TRY(lk_admin_change(remote->admin, items, k, &done));
    }
    return LK_OK;
}

static int delete(int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    int code;
    size_t n = 0;
    if (!lk_remote_args(&remote, argc, argv, NULL, 0, "reference set delete NAME", &code))
        return code;
    if (remote.name == NULL)
        return lk_cli_usage("reference set delete: a name is needed");
    lk_result r = delete_all(&remote, &n);
    if (!lk_ok(r))
        return lk_admin_fail(remote.admin, r, "reference set delete %s", remote.name);
    printf("set %s: %zu parts deleted\n", remote.name, n);
    return 0;
}

static int list(int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    int code;
    if (!lk_remote_args(&remote, argc, argv, NULL, 0, "reference set list [PREFIX]", &code))
        return code;
    return lk_remote_list(&remote, KIND, remote.name);
}

/* ---- show, diff ---- */

static void show_part(const struct lk_set_part *p)
{
    const char *alg = lk_bank_name((uint16_t)(p->alg & ~LK_DIGEST_VERITY));
    printf("%s/%s/%u  of %u  %9zu %s%s%s\n", p->set, p->version, (unsigned)p->part, (unsigned)p->parts, p->n,
           p->files ? "files" : "digests of ", (p->alg & LK_DIGEST_VERITY) != 0 ? "verity:" : "", alg == NULL ? "" : alg);
}

static lk_result fetch_part(struct lk_admin *a, const char *name, struct lk_arena *arena, struct lk_set_part *out)
{
    const Latchkey__V1__QueryResult *result = NULL;
    struct lk_report report = {.n = 0};
    char object[NAME_MAX_BYTES + 8];
    snprintf(object, sizeof(object), KIND "/%s", name);
    LK_TRY(lk_admin_query(a, LK_QUERY_GET, object, NULL, &result));
    uint8_t *copy = lk_arena_alloc(arena, result->payload.len);
    LK_REQUIRE(copy != NULL, MEMORY);
    memcpy(copy, result->payload.data, result->payload.len);
    return lk_set_part_read(arena, lk_bytes(copy, result->payload.len), &report, out);
}

static lk_result show_remote(struct lk_remote *remote)
{
    ROWS_AUTO rows = {0};
    LK_TRY(lk_remote_open(remote));
    LK_TRY(list_parts(remote->admin, remote->name, &rows));
    LK_REQUIRE(rows.n > 0, NOT_FOUND);
    for (size_t i = 0; i < rows.n; i++) {
        struct lk_arena *arena = lk_arena_new(4u << 20);
        struct lk_set_part part;
        lk_result r = arena == NULL ? LK_FAIL(MEMORY) : fetch_part(remote->admin, rows.r[i].name, arena, &part);
        if (lk_ok(r))
            show_part(&part);
        lk_arena_free(arena);
        LK_TRY(r);
    }
    return LK_OK;
}

static int show_file(const char *path)
{
    struct lk_set_parts *set = calloc(1, sizeof(*set));
    lk_result r = set == NULL ? LK_FAIL(MEMORY) : read_file(path, set);
    for (size_t i = 0; lk_ok(r) && i < set->n; i++)
        show_part(&set->parts[i]);
    if (set != NULL)
        lk_set_parts_free(set);
    free(set);
    return lk_ok(r) ? 0 : lk_cli_fail(r, "%s", path);
}

static int show(int argc, char **argv)
{
    LK_REMOTE_AUTO remote = {0};
    const char *file = NULL;
    const struct lk_remote_option extra[] = {{"file", &file, NULL, " FILE: one that is not sent yet"}};
    int code;
    if (!lk_remote_args(&remote, argc, argv, extra, 1, "reference set show (NAME | --file FILE)", &code))
        return code;
    if ((remote.name == NULL) == (file == NULL))
        return lk_cli_usage("usage: latchkey reference set show (NAME | --file FILE)");
    if (file != NULL)
        return show_file(file);
    lk_result r = show_remote(&remote);
    return lk_ok(r) ? 0 : lk_admin_fail(remote.admin, r, "reference set show %s", remote.name);
}

/* Members of two sorted lists of parts, one algorithm after the other. */
struct walk {
    const struct lk_set_parts *set;
    size_t part, member;
};

static const uint8_t *at(const struct walk *w, const struct lk_set_part **part)
{
    *part = w->part < w->set->n ? &w->set->parts[w->part] : NULL;
    return *part == NULL ? NULL : (*part)->members + w->member * (*part)->width;
}

static void advance(struct walk *w)
{
    if (++w->member < w->set->parts[w->part].n)
        return;
    w->member = 0;
    w->part++;
}

static int compare(const uint8_t *a, const struct lk_set_part *pa, const uint8_t *b, const struct lk_set_part *pb)
{
    if (a == NULL || b == NULL)
        return a == NULL ? 1 : -1;
    if (pa->alg != pb->alg)
        return pa->alg < pb->alg ? -1 : 1;
    return memcmp(a, b, pa->width);
}

static void print_member(char sign, const uint8_t *member, const struct lk_set_part *part)
{
    char hex[2 * 64 + 1];
    lk_hex(lk_bytes(member, part->width), hex, sizeof(hex));
    const char *alg = part->files ? "file" : lk_bank_name((uint16_t)(part->alg & ~LK_DIGEST_VERITY));
    printf("%c %s%s:%s\n", sign, (part->alg & LK_DIGEST_VERITY) != 0 ? "verity:" : "", alg, hex);
}

static int diff_parts(const struct lk_set_parts *a, const struct lk_set_parts *b)
{
    struct walk wa = {a, 0, 0}, wb = {b, 0, 0};
    size_t added = 0, removed = 0;
    for (;;) {
        const struct lk_set_part *pa, *pb;
        const uint8_t *ma = at(&wa, &pa), *mb = at(&wb, &pb);
        if (ma == NULL && mb == NULL)
            break;
        int c = compare(ma, pa, mb, pb);
        if (c < 0) {
            print_member('-', ma, pa);
            removed++;
        } else if (c > 0) {
            print_member('+', mb, pb);
            added++;
        }
        if (c <= 0)
            advance(&wa);
        if (c >= 0)
            advance(&wb);
    }
    fprintf(stderr, "%zu added, %zu removed\n", added, removed);
    return added + removed > 0;
}

static int diff(int argc, char **argv)
{
    if (lk_cli_help(argc, argv, "usage: latchkey reference set diff OLD-FILE NEW-FILE\n\n"
                                "Members that were added (+) and removed (-). Exit status: 0 none; 1 some; 4 a file is no set.\n"))
        return 0;
    if (argc != 3)
        return lk_cli_usage("usage: latchkey reference set diff OLD-FILE NEW-FILE");
    struct lk_set_parts *sets = calloc(2, sizeof(*sets));
    int code = sets == NULL ? lk_cli_fail(LK_FAIL(MEMORY), "diff") : 0;
    for (int i = 0; code == 0 && i < 2; i++) {
        lk_result r = read_file(argv[1 + i], &sets[i]);
        code = lk_ok(r) ? 0 : lk_cli_fail(r, "%s", argv[1 + i]);
    }
    if (code == 0)
        code = diff_parts(&sets[0], &sets[1]);
    for (int i = 0; sets != NULL && i < 2; i++)
        lk_set_parts_free(&sets[i]);
    free(sets);
    return code;
}

int lk_reference_set(int argc, char **argv)
{
    static const struct lk_command verbs[] = {
        {"make", "NAME --out FILE [--sums LIST] [--ima LIST] ...: a set from lists of digests", lk_reference_set_make},
        {"put", "FILE: signs and sends its parts, then deletes those of former versions", put},
        {"show", "NAME | --file FILE: versions, parts and how many members", show},
        {"list", "[PREFIX]", list},
        {"delete", "NAME: all versions", delete},
        {"diff", "OLD-FILE NEW-FILE: members that were added and removed; exit 1 when there are any", diff},
    };
    return lk_cli_dispatch("latchkey reference set", verbs, sizeof(verbs) / sizeof(*verbs), argc, argv);
}
