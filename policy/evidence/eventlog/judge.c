/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/eventlog/eventlog.h"

#include <stdio.h>
#include <string.h>

#define IMA_PCR 10
#define RUNTIME_RTMR 3

/* Registers below `firmware` must be explained; `other` is no matter of ours where the log does not extend it. */
static const struct form {
    const char *name, *wanted;
    uint32_t firmware, other;
} forms[] = {
    [LK_REGISTERS_PCR] = {"pcr", "a quoted PCR that the log extends", 8, IMA_PCR},
    [LK_REGISTERS_RTMR] = {"rtmr", "an RTMR that the log extends", RUNTIME_RTMR + 1, RUNTIME_RTMR},
};

struct comparison {
    enum lk_register_kind kind;
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
    snprintf(rule, sizeof(rule), "%s.%s.%u", forms[c->kind].name, c->hash->name, (unsigned)quoted->index);
    return lk_report_add_hex(c->report, code, "eventlog", rule, quoted->value, lk_registers_value(&c->registers, quoted->index));
}

/* IMA extends its PCR without the firmware's log; the guest may write a log of its RTMR, and then it must hold. */
static bool left_to_others(const struct comparison *c, uint32_t n, bool extended)
{
    return n == forms[c->kind].other && (c->kind == LK_REGISTERS_PCR || !extended);
}

static lk_result compare(struct comparison *c, const struct lk_proof *quoted)
{
    uint32_t n = quoted->index;
    bool extended = n < c->registers.n && c->registers.extends[n] > 0;
    if (left_to_others(c, n, extended))
        return LK_OK;
    if (extended && lk_bytes_eq(lk_registers_value(&c->registers, n), quoted->value)) {
        c->explained |= 1u << n;
        return LK_OK;
    }
    if (!extended && lk_registers_is_reset(&c->registers, n, quoted->value))
        return LK_OK;
    if (n < forms[c->kind].firmware)
        return refuse(c, c->in_log ? LK_R_EVENTLOG_REPLAY : LK_R_EVENTLOG_BANK, quoted);
    c->unexplained = true;
    return LK_OK;
}

static lk_result replay(struct comparison *c)
{
    lk_result r = lk_tcg_replay(c->log, c->kind, c->hash, &c->registers);
    c->in_log = r.code != LK_R_EVENTLOG_BANK;
    if (c->in_log)
        return lk_ok(r) ? r : lk_report_add(c->report, r.code, "eventlog", "", "", "");
    lk_registers_reset(&c->registers, c->kind, c->hash);
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

lk_result lk_eventlog_judge(struct lk_bytes log, enum lk_register_kind kind, const struct lk_proof *registers, size_t n,
                            struct lk_report *report, struct lk_eventlog_judged *out)
{
    static const uint16_t banks[] = {LK_TPM_SHA512, LK_TPM_SHA384, LK_TPM_SHA256, LK_TPM_SHA1};
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++) {
        struct comparison c = {.kind = kind, .log = log, .report = report, .hash = lk_tpm_hash(banks[i])};
        LK_TRY(judge_bank(&c, registers, n, out));
    }
    if (out->explained == 0)
        return lk_report_add(report, LK_R_EVENTLOG_NOTHING_QUOTED, "eventlog", "", forms[kind].wanted, "none");
    return LK_OK;
}
