/* SPDX-License-Identifier: Apache-2.0 */
/* PCR 7: PC Client Platform Firmware Profile 1.05, section 3.3.4.8; UEFI_VARIABLE_DATA, section 10.2.6. */
#include "policy/evidence/eventlog/reader.h"

#include <string.h>

static const uint8_t global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
static const uint8_t security[16] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};

static const struct {
    const uint8_t *guid;
    const char *name;
} variables[LK_BOOT_VARIABLES] = {
    [LK_BOOT_SECURE_BOOT] = {global, "SecureBoot"}, [LK_BOOT_PK] = {global, "PK"}, [LK_BOOT_KEK] = {global, "KEK"},
    [LK_BOOT_DB] = {security, "db"},                [LK_BOOT_DBX] = {security, "dbx"},
};

struct variable {
    struct lk_bytes guid, name, contents; /* name: UTF-16LE */
};

static lk_result split(struct lk_bytes data, struct variable *out)
{
    struct lk_cursor c = lk_cursor(data);
    out->guid = lk_take(&c, 16);
    uint64_t name_len = lk_u64le(&c), len = lk_u64le(&c);
    LK_REQUIRE(name_len <= 256 && len <= LK_TCG_LOG_MAX, EVENTLOG_VARIABLE);
    out->name = lk_take(&c, 2 * (size_t)name_len);
    out->contents = lk_take(&c, (size_t)len);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), EVENTLOG_VARIABLE);
    return LK_OK;
}

static bool named(struct lk_bytes name, const char *ascii)
{
    size_t n = strlen(ascii);
    if (name.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (name.data[2 * i] != (uint8_t)ascii[i] || name.data[2 * i + 1] != 0)
            return false;
    return true;
}

/* A variable that is not in the table (dbt, DeployedMode) says nothing here; the register's value covers it. */
lk_result lk_boot_variable(struct lk_boot_reader *r, const struct lk_tcg_event *e, bool closed)
{
    struct variable v;
    LK_TRY(split(e->data, &v));
    for (size_t i = 0; i < LK_BOOT_VARIABLES; i++) {
        if (!lk_bytes_eq(v.guid, lk_bytes(variables[i].guid, 16)) || !named(v.name, variables[i].name))
            continue;
        LK_REQUIRE(!closed && r->boot->variables[i].data == NULL, EVENTLOG_VARIABLE);
        r->boot->variables[i] = v.contents;
    }
    return LK_OK;
}

/* shim hashed one byte less than it logged, in versions that are in the field: the digest decides which bytes count. */
lk_result lk_boot_authority(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest, bool closed)
{
    struct lk_bytes shorter = lk_bytes(e->data.data, e->data.len > 0 ? e->data.len - 1 : 0);
    bool covered = lk_boot_covers(r->boot->hash, e->data, digest) || lk_boot_covers(r->boot->hash, shorter, digest);
    LK_REQUIRE(covered, EVENTLOG_DATA);
    r->boot->early_authority = r->boot->early_authority || !closed;
    return lk_boot_list_add(r, &r->boot->authorities, digest);
}

lk_result lk_boot_pcr7(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    bool closed = r->separators[7] > 0;
    if (e->type == (uint32_t)LK_TCG_VARIABLE_AUTHORITY)
        return lk_boot_authority(r, e, digest, closed);
    LK_REQUIRE(lk_boot_covers(r->boot->hash, e->data, digest), EVENTLOG_DATA);
    if (e->type != (uint32_t)LK_TCG_VARIABLE_DRIVER_CONFIG)
        return LK_OK;
    LK_REQUIRE(!closed, EVENTLOG_VARIABLE);
    return lk_boot_variable(r, e, false);
}

/* The variable is one byte, 0 or 1; firmware without Secure Boot measures it empty. */
lk_result lk_boot_variables_end(struct lk_boot_reader *r)
{
    const struct lk_bytes *v = r->boot->variables;
    struct lk_bytes on = v[LK_BOOT_SECURE_BOOT];
    LK_REQUIRE(on.len <= 1 && (on.len == 0 || on.data[0] <= 1), EVENTLOG_VARIABLE);
    if (on.len == 0 || on.data[0] == 0)
        return LK_OK;
    bool keys = v[LK_BOOT_PK].len > 0 && v[LK_BOOT_KEK].len > 0 && v[LK_BOOT_DB].len > 0;
    LK_REQUIRE(keys && r->boot->authorities.n > 0, EVENTLOG_SECURE_BOOT_STATE);
    return LK_OK;
}
