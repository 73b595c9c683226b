/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/eventlog/item.h"

#include <stdio.h>

static const struct lk_part parts[LK_EVENTLOG_PARTS] = {
    {"log", LK_TCG_LOG_MAX, false, "a TPM's log, as /sys/kernel/security/tpm0/binary_bios_measurements gives it"},
    {"ccel", LK_TCG_LOG_MAX, false, "a TD's log instead, as /sys/firmware/acpi/tables/data/CCEL gives it"},
};

/* Nothing of a log is looked at before the item above has passed its rules. */
static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    bool tpm = in->parts[LK_EVENTLOG_LOG].data != NULL, td = in->parts[LK_EVENTLOG_CCEL].data != NULL;
    if (!tpm && !td)
        return lk_report_add(in->report, LK_R_CHAIN_MISSING_PART, "eventlog", "log", "log or ccel", "absent");
    if (tpm && td)
        return lk_report_add(in->report, LK_R_CHAIN_DUPLICATE_ITEM, "eventlog", "ccel", "log or ccel", "both");
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    (*out)->kind = tpm ? LK_REGISTERS_PCR : LK_REGISTERS_RTMR;
    return LK_OK;
}

static struct lk_bytes log_of(const struct lk_family_input *in, const struct lk_item *item)
{
    return in->parts[item->kind == LK_REGISTERS_PCR ? LK_EVENTLOG_LOG : LK_EVENTLOG_CCEL];
}

static enum lk_proof_kind proof_of(const struct lk_item *item)
{
    return item->kind == LK_REGISTERS_PCR ? LK_PROOF_REGISTER : LK_PROOF_RTMR;
}

/* The link to registers; that they explain each other is for read_vouched to find. */
static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)in;
    how->wanted = item->kind == LK_REGISTERS_PCR ? "a quote whose PCRs the log explains" : "a TD's quote whose RTMRs the log explains";
    for (size_t i = 0; i < proofs->n; i++) {
        if (proofs->p[i].kind != proof_of(item))
            continue;
        item->first = i;
        how->by = &proofs->p[i];
        return LK_OK;
    }
    return LK_FAIL(UNANCHORED);
}

static lk_result at_event(const struct lk_family_input *in, const struct lk_item *item, lk_result r,
                          const struct lk_boot_fault *fault)
{
    char rule[64], actual[64];
    const char *type = lk_tcg_type_name(fault->type);
    int n = snprintf(rule, sizeof(rule), "%s %u", item->kind == LK_REGISTERS_PCR ? "pcr" : "rtmr", (unsigned)fault->pcr);
    if (fault->event != 0)
        snprintf(rule + n, sizeof(rule) - (size_t)n, ", event %zu", fault->event);
    snprintf(actual, sizeof(actual), "type %08x", (unsigned)fault->type);
    return lk_report_add(in->report, r.code, "eventlog", rule, "", fault->event == 0 ? "" : type != NULL ? type : actual);
}

/* One item's proofs stand together, so its registers end where another kind of proof begins. */
static lk_result read_vouched(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    size_t end = item->first;
    struct lk_boot_fault fault;
    while (end < proofs->n && proofs->p[end].kind == proof_of(item))
        end++;
    struct lk_bytes log = log_of(in, item);
    LK_TRY(lk_eventlog_judge(log, item->kind, proofs->p + item->first, end - item->first, in->report, &item->judged));
    lk_result r = lk_boot_read(log, item->kind, item->judged.hash, item->judged.explained, in->arena, &item->boot, &fault);
    return lk_ok(r) ? r : at_event(in, item, r, &fault);
}

const struct lk_family lk_family_eventlog = {
    .name = "eventlog",
    .doc = "TCG event log: what the firmware measured, linked to the quoted PCRs, or a TD's RTMRs, that its replay gives",
    .parts = parts,
    .n_parts = sizeof(parts) / sizeof(parts[0]),
    .claims = lk_eventlog_claims,
    .n_claims = LK_EVENTLOG_CLAIMS,
    .pcrs = 0x3ff, /* 0 to 9; the claims of systemd-stub's PCRs name theirs */
    .parse = parse,
    .authenticate = authenticate,
    .read_vouched = read_vouched,
    .claim = lk_eventlog_claim,
};
