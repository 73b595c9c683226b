/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey status`: whether the pinned broker answers, and what it holds. */
#include <jansson.h>

#include "broker/cli/remote.h"

static const char *const kinds[] = {"policy", "reference", "anchor", "secret", "admin"};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

#define HEALTH 512

static lk_result count(struct lk_remote *r, const char *kind, uint64_t *n, char health[static HEALTH])
{
    Latchkey__V1__QueryArgs args = LATCHKEY__V1__QUERY_ARGS__INIT;
    args.limit = 1000;
    const Latchkey__V1__QueryResult *result = NULL;
    LK_TRY(lk_admin_query(r->admin, LK_QUERY_LIST, kind, &args, &result));
    snprintf(health, HEALTH, "%s", result->health);
    *n = result->total > result->n_objects ? result->total : result->n_objects;
    return LK_OK;
}

static void print_text(const struct lk_remote *r, const uint64_t counts[static KINDS], const char *health)
{
    char hex[65];
    const struct lk_admin_hello *h = lk_admin_hello(r->admin);
    printf("broker         %s: answers, and its signature was checked\n", r->profile.broker);
    lk_hex(LK_BYTES(r->profile.broker_id), hex, sizeof(hex));
    printf("broker id      %s\n", hex);
    lk_hex(h->installation_id, hex, sizeof(hex));
    printf("installation   %s\nimport suite   %s\n", hex, h->import_suite);
    printf("health         %s\n", health);
    for (size_t i = 0; i < KINDS; i++)
        printf("%-14s %llu\n", kinds[i], (unsigned long long)counts[i]);
}

static void print_json(const struct lk_remote *r, const uint64_t counts[static KINDS], const char *health)
{
    char id[65], installation[65];
    const struct lk_admin_hello *h = lk_admin_hello(r->admin);
    lk_hex(LK_BYTES(r->profile.broker_id), id, sizeof(id));
    lk_hex(h->installation_id, installation, sizeof(installation));
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "broker", r->profile.broker, "health", health, "broker_id", id, "installation",
                          installation, "import_suite", h->import_suite);
    for (size_t i = 0; i < KINDS; i++)
        json_object_set_new(o, kinds[i], json_integer((json_int_t)counts[i]));
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
}

int lk_cmd_status(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    int code;
    if (!lk_remote_args(&r, argc, argv, NULL, 0, "status", &code))
        return code;
    if (r.name != NULL)
        return lk_cli_usage("usage: latchkey status");
    uint64_t counts[KINDS] = {0};
    char health[HEALTH] = "";
    lk_result done = lk_remote_open(&r);
    for (size_t i = 0; lk_ok(done) && i < KINDS; i++)
        done = count(&r, kinds[i], &counts[i], health);
    if (!lk_ok(done))
        return lk_admin_fail(r.admin, done, "status");
    (r.json ? print_json : print_text)(&r, counts, health);
    return 0;
}
