/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey collateral`: certificates, lists and documents that vendors sign. */
#include "broker/cli/collateral.h"
#include "broker/cli/remote.h"

/* The state of changes knows no pieces: the revision is always 0, and the keeper says NOT_FOUND. */
static lk_result drop(struct lk_remote *r)
{
    struct lk_change_item item = {.kind = LK_CHANGE_COLLATERAL_DROP, .object = r->name};
    struct lk_change_done done;
    LK_TRY(lk_remote_open(r));
    LK_TRY(lk_admin_change(r->admin, &item, 1, &done));
    printf("collateral %s: dropped, change %llu\n", r->name, (unsigned long long)done.index);
    return LK_OK;
}

static int collateral_drop(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    int code;
    if (!lk_remote_args(&r, argc, argv, NULL, 0, "collateral drop NAME", &code))
        return code;
    if (r.name == NULL)
        return lk_cli_usage("collateral drop: a name is needed");
    lk_result done = drop(&r);
    return lk_ok(done) ? 0 : lk_admin_fail(r.admin, done, "collateral %s", r.name);
}

static const struct lk_command verbs[] = {
    {"drop", "NAME: rubbish that stands in the way of a genuine piece; an administrator's change", collateral_drop},
    {"fetch", "ask AMD's and Intel's services for what is missing or runs out", lk_collateral_fetch},
    {"import", "FILE|DIR... | --export DIR FILE|DIR...", lk_collateral_import},
    {"status", "[--fleet FILE] [--days N] [--json]", lk_collateral_status},
};

int lk_cmd_collateral(int argc, char **argv)
{
    return lk_cli_dispatch("latchkey collateral", verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
