/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/collateral/table.h"

#include "proto/base/clock.h"
#include "proto/base/cursor.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

static const char totals_key[] = "collateral";

lk_result lk_collateral_row_get(struct lk_bytes raw, uint64_t version, struct lk_collateral_row *out)
{
    struct lk_cursor c = lk_cursor(raw);
    *out = (struct lk_collateral_row){.revision = version};
    out->facts.kind = (enum lk_collateral_kind)lk_u8(&c);
    out->facts.number = lk_u64le(&c);
    out->facts.issued = (int64_t)lk_u64le(&c);
    out->facts.until = (int64_t)lk_u64le(&c);
    out->stored = (int64_t)lk_u64le(&c);
    lk_copy(&c, out->digest, sizeof(out->digest));
    out->bytes = lk_take(&c, lk_left(&c));
    return lk_ok(lk_cursor_end(&c)) && out->bytes.len > 0 ? LK_OK : LK_FAIL(STORE_DAMAGED);
}

static void row_put(struct lk_buf *out, const struct lk_collateral_row *row, struct lk_bytes bytes)
{
    lk_put_u8(out, (uint8_t)row->facts.kind);
    lk_put_u64le(out, row->facts.number);
    lk_put_u64le(out, (uint64_t)row->facts.issued);
    lk_put_u64le(out, (uint64_t)row->facts.until);
    lk_put_u64le(out, (uint64_t)row->stored);
    lk_put(out, LK_BYTES(row->digest));
    lk_put(out, bytes);
}

/* ---- totals ---- */

static lk_result totals_decode(lk_result got, struct lk_bytes raw, struct lk_collateral_totals *out)
{
    *out = (struct lk_collateral_totals){0};
    if (got.code == LK_R_NOT_FOUND)
        return LK_OK;
    LK_TRY(got);
    struct lk_cursor c = lk_cursor(raw);
    out->count = lk_u64le(&c);
    out->bytes = lk_u64le(&c);
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}

lk_result lk_collateral_totals_get(struct lk_store *s, struct lk_collateral_totals *out)
{
    LK_BUF_AUTO raw = lk_buf(16);
    lk_result r = lk_store_get(s, LK_TABLE_META, lk_bytes_str(totals_key), NULL, &raw);
    return totals_decode(r, lk_buf_bytes(&raw), out);
}

static lk_result totals_in(struct lk_txn *t, struct lk_collateral_totals *out)
{
    LK_BUF_AUTO raw = lk_buf(16);
    lk_result r = lk_txn_get(t, LK_TABLE_META, lk_bytes_str(totals_key), NULL, &raw);
    return totals_decode(r, lk_buf_bytes(&raw), out);
}

static lk_result totals_put(struct lk_txn *t, const struct lk_collateral_totals *totals)
{
    LK_BUF_AUTO out = lk_buf(16);
    lk_put_u64le(&out, totals->count);
    lk_put_u64le(&out, totals->bytes);
    return lk_txn_put(t, LK_TABLE_META, lk_bytes_str(totals_key), 1, lk_buf_bytes(&out));
}

static lk_result count(struct lk_txn *t, bool new_name, size_t before, size_t after, struct lk_report *why)
{
    struct lk_collateral_totals totals;
    LK_TRY(totals_in(t, &totals));
    totals.count += new_name;
    totals.bytes += after - before; /* may wrap for a shorter one; the sum does not */
    if (totals.count > LK_COLLATERAL_COUNT_MAX)
        return lk_report_add_uint(why, LK_R_COLLATERAL_FULL, "", "pieces", LK_COLLATERAL_COUNT_MAX, totals.count);
    if (totals.bytes > LK_COLLATERAL_BYTES_MAX)
        return lk_report_add_uint(why, LK_R_COLLATERAL_FULL, "", "bytes", LK_COLLATERAL_BYTES_MAX, totals.bytes);
    return totals_put(t, &totals);
}

/* ---- one piece ---- */

static void describe(const struct lk_collateral_facts *f, char *out, size_t size)
{
    char when[24];
    lk_time_format(f->issued, when, sizeof(when));
    if (f->number == 0)
        snprintf(out, size, "%s", when);
    else
        snprintf(out, size, "number %" PRIu64 ", %s", f->number, when);
}

static lk_result check_dates(const struct lk_collateral_facts *f, int64_t now, struct lk_report *why)
{
    if (f->issued > now + LK_COLLATERAL_AHEAD_MAX)
        return lk_report_add_time(why, LK_R_COLLATERAL_ISSUED_AHEAD, "", "issued", f->issued, f->until, now);
    if (f->until < now)
        return lk_report_add_time(why, LK_R_COLLATERAL_EXPIRED, "", "until", f->issued, f->until, now);
    return LK_OK;
}

/* Neither date nor number may fall; *same when neither rises. */
static lk_result compare(const struct lk_collateral_facts *have, const struct lk_collateral_facts *got, bool *same,
                         struct lk_report *why)
{
    char there[64], here[64];
    *same = have->number == got->number && have->issued == got->issued;
    if (got->number >= have->number && got->issued >= have->issued)
        return LK_OK;
    describe(have, there, sizeof(there));
    describe(got, here, sizeof(here));
    return lk_report_add(why, LK_R_COLLATERAL_OLDER, "", "not below what is there", there, here);
}

lk_result lk_collateral_table_put(struct lk_txn *t, const struct lk_collateral_piece *piece, int64_t now,
                                  enum lk_collateral_outcome *outcome, struct lk_collateral_row *row, struct lk_report *why)
{
    LK_BUF_AUTO present = lk_buf(LK_COLLATERAL_RECORD_MAX);
    LK_BUF_AUTO record = lk_buf(LK_COLLATERAL_RECORD_MAX);
    struct lk_bytes name = lk_bytes_str(piece->name);
    struct lk_collateral_row have = {0};
    uint64_t revision = 0;
    bool same = false;
    lk_result r = lk_txn_get(t, LK_TABLE_COLLATERAL, name, &revision, &present);
    bool new_name = r.code == LK_R_NOT_FOUND;
    LK_TRY(check_dates(&piece->facts, now, why));
    if (!new_name) {
        LK_TRY(r);
        LK_TRY(lk_collateral_row_get(lk_buf_bytes(&present), revision, &have));
        LK_TRY(compare(&have.facts, &piece->facts, &same, why));
    }
    *outcome = same ? LK_COLLATERAL_UNCHANGED : LK_COLLATERAL_STORED;
    *row = have;
    row->bytes = LK_BYTES_NONE;
    if (same)
        return LK_OK;
    *row = (struct lk_collateral_row){.facts = piece->facts, .stored = now, .revision = revision + 1};
    LK_REQUIRE(EVP_Digest(piece->bytes.data, piece->bytes.len, row->digest, NULL, EVP_sha256(), NULL) == 1, CRYPTO);
    LK_TRY(count(t, new_name, have.bytes.len, piece->bytes.len, why));
    row_put(&record, row, piece->bytes);
    LK_TRY(lk_buf_ok(&record));
    return lk_txn_put(t, LK_TABLE_COLLATERAL, name, row->revision, lk_buf_bytes(&record));
}

lk_result lk_collateral_table_drop(struct lk_txn *t, struct lk_bytes name)
{
    LK_BUF_AUTO raw = lk_buf(LK_COLLATERAL_RECORD_MAX);
    struct lk_collateral_totals totals;
    struct lk_collateral_row row;
    uint64_t revision = 0;
    LK_TRY(lk_txn_get(t, LK_TABLE_COLLATERAL, name, &revision, &raw));
    LK_TRY(lk_collateral_row_get(lk_buf_bytes(&raw), revision, &row));
    LK_TRY(totals_in(t, &totals));
    totals.count--;
    totals.bytes -= row.bytes.len;
    LK_TRY(totals_put(t, &totals));
    return lk_txn_remove(t, LK_TABLE_COLLATERAL, name);
}
