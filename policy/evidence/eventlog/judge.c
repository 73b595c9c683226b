/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/eventlog/eventlog.h"

#include <stdio.h>
#include <string.h>

#define IMA_PCR 10
#define FIRMWARE_PCRS 8

struct comparison {
    struct lk_bytes log;
    struct lk_report *report;
    const struct lk_tpm_hash *hash;
    struct lk_registers registers;
    bool in_log; /* the log has digests of this bank */
    uint32_t explained;
    bool unexplained;
};

static lk_result refuse(struct comparison *c, enum lk_reason_code code, const struct lk_proof *quoted)
{
    char rule[48];
    snprintf(rule, sizeof(rule), "pcr.%s.%u", c->hash->name, (unsigned)quoted->index);
    return lk_report_add_hex(c->report, code, "eventlog", rule, quoted->value, lk_registers_value(&c->registers, quoted->index));
}

static lk_result compare(struct comparison *c, const struct lk_proof *quoted)
{
    uint32_t pcr = quoted->index;
    if (pcr == IMA_PCR)
        return LK_OK;
    if (pcr >= LK_REGISTERS_MAX) {
        c->unexplained = true;
        return LK_OK;
    }
    bool extended = c->registers.extends[pcr] > 0;
    if (extended && lk_bytes_eq(lk_registers_value(&c->registers, pcr), quoted->value)) {
        c->explained |= 1u << pcr;
        return LK_OK;
    }
    if (!extended && lk_registers_is_reset(&c->registers, pcr, quoted->value))
        return LK_OK;
    if (pcr < FIRMWARE_PCRS)
        return refuse(c, c->in_log ? LK_R_EVENTLOG_REPLAY : LK_R_EVENTLOG_BANK, quoted);
    c->unexplained = true;
    return LK_OK;
}

static lk_result replay(struct comparison *c)
{
    lk_result r = lk_tcg_replay(c->log, LK_REGISTERS_PCR, c->hash, &c->registers);
    c->in_log = r.code != LK_R_EVENTLOG_BANK;
    if (c->in_log)
        return lk_ok(r) ? r : lk_report_add(c->report, r.code, "eventlog", "", "", "");
    lk_registers_reset(&c->registers, LK_REGISTERS_PCR, c->hash);
    return LK_OK;
}

static int bits(uint32_t v)
{
    return __builtin_popcount(v);
}

static lk_result judge_bank(struct comparison *c, const struct lk_proof *registers, size_t n, struct lk_eventlog_judged *out)
{
    bool quoted = false;
    for (size_t i = 0; i < n; i++)
        quoted = quoted || registers[i].alg == c->hash->alg;
    if (!quoted)
        return LK_OK;
    LK_TRY(replay(c));
    for (size_t i = 0; i < n; i++)
        if (registers[i].alg == c->hash->alg)
            LK_TRY(compare(c, &registers[i]));
    out->unexplained = out->unexplained || c->unexplained;
    if (bits(c->explained) > bits(out->explained)) {
        out->hash = c->hash;
        out->explained = c->explained;
    }
    return LK_OK;
}

lk_result lk_eventlog_judge(struct lk_bytes log, const struct lk_proof *registers, size_t n, struct lk_report *report,
                            struct lk_eventlog_judged *out)
{
    static const uint16_t banks[] = {LK_TPM_SHA512, LK_TPM_SHA384, LK_TPM_SHA256, LK_TPM_SHA1};
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++) {
        struct comparison c = {.log = log, .report = report, .hash = lk_tpm_hash(banks[i])};
        LK_TRY(judge_bank(&c, registers, n, out));
    }
    if (out->explained == 0)
        return lk_report_add(report, LK_R_EVENTLOG_NOTHING_QUOTED, "eventlog", "", "a quoted PCR that the log extends", "none");
    return LK_OK;
}
