/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/eventlog/log.h"

#include <string.h>

#define SHA1_SIZE 20
#define SPEC_ID_LEN 16

static bool is_spec_id(const struct lk_tcg_event *e)
{
    return e->type == LK_TCG_NO_ACTION && e->data.len >= SPEC_ID_LEN &&
           memcmp(e->data.data, "Spec ID Event03", SPEC_ID_LEN) == 0;
}

static bool take_sha1_event(struct lk_cursor *c, struct lk_tcg_event *e)
{
    memset(e, 0, sizeof(*e));
    e->index = lk_u32le(c);
    e->type = lk_u32le(c);
    e->digests[0] = lk_take(c, SHA1_SIZE);
    e->data = lk_take_u32le(c, LK_TCG_LOG_MAX);
    return lk_ok(lk_cursor_ok(c));
}

static bool has_bank(const struct lk_tcg_log *log, uint16_t alg)
{
    for (size_t i = 0; i < log->n_banks; i++)
        if (log->banks[i].alg == alg)
            return true;
    return false;
}

/* A bank that is not known (SM3, say) is carried along by its size; a known one has the size it has. */
static bool add_bank(struct lk_tcg_log *log, uint16_t alg, uint16_t size)
{
    const struct lk_tpm_hash *known = lk_tpm_hash(alg);
    if (has_bank(log, alg) || size == 0 || size > LK_TPM_DIGEST_MAX || (known != NULL && known->size != size))
        return false;
    log->banks[log->n_banks].alg = alg;
    log->banks[log->n_banks++].size = size;
    return true;
}

/* TCG_EfiSpecIDEvent, section 10.4.5.1 */
static bool read_spec_id(struct lk_tcg_log *log, struct lk_bytes data)
{
    struct lk_cursor c = lk_cursor(data);
    (void)lk_take(&c, SPEC_ID_LEN);
    (void)lk_u32le(&c); /* platformClass */
    (void)lk_take(&c, 4); /* specVersionMinor, specVersionMajor, specErrata, uintnSize */
    uint32_t n = lk_u32le(&c);
    if (n == 0 || n > LK_TCG_BANKS_MAX)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t alg = lk_u16le(&c), size = lk_u16le(&c);
        if (!lk_ok(lk_cursor_ok(&c)) || !add_bank(log, alg, size))
            return false;
    }
    (void)lk_take(&c, lk_u8(&c)); /* vendorInfo */
    return lk_ok(lk_cursor_end(&c));
}

lk_result lk_tcg_open(struct lk_bytes input, struct lk_tcg_log *log)
{
    struct lk_tcg_event first;
    memset(log, 0, sizeof(*log));
    log->c = lk_cursor(input);
    LK_REQUIRE(take_sha1_event(&log->c, &first), EVENTLOG_HEAD);
    log->agile = is_spec_id(&first);
    if (log->agile) {
        LK_REQUIRE(read_spec_id(log, first.data), EVENTLOG_HEAD);
        return LK_OK;
    }
    LK_REQUIRE(add_bank(log, LK_TPM_SHA1, SHA1_SIZE), EVENTLOG_HEAD);
    log->c = lk_cursor(input);
    return LK_OK;
}

/* Firmware and Linux fill the log's room up with FF, some with 00. */
static bool only_padding(const struct lk_cursor *c)
{
    uint8_t fill = c->data[c->pos];
    if (fill != 0x00 && fill != 0xff)
        return false;
    for (size_t i = c->pos; i < c->len; i++)
        if (c->data[i] != fill)
            return false;
    return true;
}

static bool place_digest(struct lk_tcg_log *log, struct lk_tcg_event *e, uint16_t alg)
{
    for (size_t i = 0; i < log->n_banks; i++) {
        if (log->banks[i].alg != alg || e->digests[i].data != NULL)
            continue;
        e->digests[i] = lk_take(&log->c, log->banks[i].size);
        return e->digests[i].data != NULL;
    }
    return false;
}

static bool take_agile_event(struct lk_tcg_log *log, struct lk_tcg_event *e)
{
    memset(e, 0, sizeof(*e));
    e->index = lk_u32le(&log->c);
    e->type = lk_u32le(&log->c);
    if (lk_u32le(&log->c) != log->n_banks)
        return false;
    for (size_t i = 0; i < log->n_banks; i++)
        if (!place_digest(log, e, lk_u16le(&log->c)))
            return false;
    e->data = lk_take_u32le(&log->c, LK_TCG_LOG_MAX);
    return lk_ok(lk_cursor_ok(&log->c));
}

lk_result lk_tcg_next(struct lk_tcg_log *log, struct lk_tcg_event *event, bool *more)
{
    *more = lk_left(&log->c) > 0 && !only_padding(&log->c);
    if (!*more)
        return LK_OK;
    bool ok = log->agile ? take_agile_event(log, event) : take_sha1_event(&log->c, event);
    LK_REQUIRE(ok, EVENTLOG_EVENT);
    log->n_events++;
    return LK_OK;
}

struct lk_bytes lk_tcg_digest(const struct lk_tcg_log *log, const struct lk_tcg_event *event, uint16_t alg)
{
    for (size_t i = 0; i < log->n_banks; i++)
        if (log->banks[i].alg == alg)
            return event->digests[i];
    return LK_BYTES_NONE;
}
