/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/initdata/document.h"
#include "policy/evidence/initdata/toml.h"
#include "proto/base/text.h"

/* False when the name is not one of the two, or came already. */
static bool head_value(struct lk_initdata *d, struct lk_bytes name, struct lk_bytes value)
{
    struct {
        const char *name;
        struct lk_bytes *to;
    } known[] = {{"version", &d->version}, {"algorithm", &d->algorithm}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (lk_bytes_eq(name, lk_bytes_str(known[i].name)) && known[i].to->data == NULL) {
            *known[i].to = value;
            return true;
        }
    return false;
}

static bool entry(struct lk_initdata *d, struct lk_bytes name, struct lk_bytes value)
{
    for (size_t i = 0; i < d->n; i++)
        if (lk_bytes_eq(d->entries[i].name, name))
            return false;
    if (d->n == LK_INITDATA_ENTRIES_MAX)
        return false;
    d->entries[d->n++] = (struct lk_initdata_entry){name, value};
    return true;
}

lk_result lk_initdata_read(struct lk_bytes document, struct lk_arena *arena, struct lk_initdata *out)
{
    struct lk_toml t;
    struct lk_bytes name, value;
    bool data = false;
    *out = (struct lk_initdata){.n = 0};
    LK_REQUIRE(lk_utf8_ok(document), INITDATA_DOCUMENT);
    LK_TRY(lk_toml_open(document, arena, &t));
    for (enum lk_toml_line line; (line = lk_toml_next(&t, &name, &value)) != LK_TOML_END;) {
        if (line == LK_TOML_TABLE) {
            LK_REQUIRE(!data && lk_bytes_eq(name, lk_bytes_str("data")), INITDATA_DOCUMENT);
            data = true;
        } else {
            LK_REQUIRE(data ? entry(out, name, value) : head_value(out, name, value), INITDATA_DOCUMENT);
        }
    }
    LK_REQUIRE(lk_ok(lk_toml_end(&t)), INITDATA_DOCUMENT);
    LK_REQUIRE(data && out->version.data != NULL && out->algorithm.data != NULL, INITDATA_DOCUMENT);
    return LK_OK;
}
