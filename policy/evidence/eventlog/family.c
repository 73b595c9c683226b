/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/eventlog/item.h"

#include <stdio.h>

static const struct lk_part parts[] = {
    {"log", LK_TCG_LOG_MAX, true, "the log, as /sys/kernel/security/tpm0/binary_bios_measurements gives it"},
};

/* Nothing of a log is looked at before the item above has passed its rules. */
static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    return LK_OK;
}

/* The link to registers; that they explain each other is for read_vouched to find. */
static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)in;
    bool tpm = false; /* a TPM gives its key's name before its PCRs; the RTMRs of a TD are other registers */
    how->wanted = "a quote whose PCRs the log explains";
    for (size_t i = 0; i < proofs->n; i++) {
        tpm = tpm || proofs->p[i].kind == LK_PROOF_TPM_NAME;
        if (proofs->p[i].kind != LK_PROOF_REGISTER || !tpm)
            continue;
        item->first = i;
        how->by = &proofs->p[i];
        return LK_OK;
    }
    return LK_FAIL(UNANCHORED);
}

static lk_result at_event(const struct lk_family_input *in, lk_result r, const struct lk_boot_fault *fault)
{
    char rule[64], actual[64];
    const char *type = lk_tcg_type_name(fault->type);
    snprintf(rule, sizeof(rule), fault->event == 0 ? "pcr %u" : "pcr %u, event %zu", (unsigned)fault->pcr, fault->event);
    snprintf(actual, sizeof(actual), "type %08x", (unsigned)fault->type);
    return lk_report_add(in->report, r.code, "eventlog", rule, "", fault->event == 0 ? "" : type != NULL ? type : actual);
}

/* One item's proofs stand together, so its registers end where another kind of proof begins. */
static lk_result read_vouched(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    size_t end = item->first;
    struct lk_boot_fault fault;
    while (end < proofs->n && proofs->p[end].kind == LK_PROOF_REGISTER)
        end++;
    struct lk_bytes log = in->parts[0];
    LK_TRY(lk_eventlog_judge(log, proofs->p + item->first, end - item->first, in->report, &item->judged));
    lk_result r = lk_boot_read(log, item->judged.hash, item->judged.explained, in->arena, &item->boot, &fault);
    return lk_ok(r) ? r : at_event(in, r, &fault);
}

const struct lk_family lk_family_eventlog = {
    .name = "eventlog",
    .doc = "TCG event log: what the firmware measured, linked to the quoted PCRs that its replay gives",
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
