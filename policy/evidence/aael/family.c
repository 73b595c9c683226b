/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/aael/aael.h"
#include "policy/evidence/aael/image.h"

#include <string.h>

#define ITEM "aael"
#define RUNTIME_RTMR 3

enum part { P_LOG, P_CCEL, P_COUNT };

static const struct lk_part parts[P_COUNT] = {
    [P_LOG] = {"log", LK_AAEL_MAX, false, "the agent's own log, as /run/attestation-agent/eventlog has it"},
    [P_CCEL] = {"ccel", LK_TCG_LOG_MAX, false, "a TD's event log instead, to which the agent added its events for RTMR3"},
};

enum claim { C_IMAGES, C_REGISTER, C_COMPLETE, C_RESETTABLE, C_UNKNOWN, C_EVENTS, C_COUNT };

static const struct lk_claim claims[C_COUNT] = {
    [C_IMAGES] = {"images", LK_KIND_FILES, NULL, LK_R_AAEL_IMAGES, "Container images that the guest pulled, by reference, each with its manifest's digest", NULL, 0},
    [C_COMPLETE] = {"complete", LK_KIND_BOOL, "required", LK_R_AAEL_COMPLETE, "The log begins where the register was at its reset value: nothing was extended before", NULL, 0},
    [C_RESETTABLE] = {"resettable", LK_KIND_BOOL, "deny", LK_R_AAEL_COMPLETE, "The register is PCR 16 or 23, which any software of the guest can reset and then extend anew", NULL, 0},
    [C_UNKNOWN] = {"unknown-events", LK_KIND_UINT, "0", LK_R_AAEL_COMPLETE, "Extends of the register that are no events of an attestation agent", NULL, 0},
    [C_EVENTS] = {"events", LK_KIND_UINT, "skip", LK_R_AAEL_COMPLETE, "Events of the log, of every kind", NULL, 0},
    [C_REGISTER] = {"register", LK_KIND_UINT, NULL, LK_R_AAEL_COMPLETE, "Number of the PCR or RTMR that the log was extended into: an empty log fits every register that nothing extended", NULL, 0},
};

struct lk_item {
    enum part part;
    size_t first; /* where in the proofs the registers of the item above begin */
    struct lk_aael log;
    uint32_t index;
    struct lk_value images;
};

static enum lk_proof_kind proof_of(const struct lk_item *item)
{
    return item->part == P_LOG ? LK_PROOF_REGISTER : LK_PROOF_RTMR;
}

/* Nothing of a log is looked at before the item above has passed its rules. */
static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    bool log = in->parts[P_LOG].data != NULL, ccel = in->parts[P_CCEL].data != NULL;
    if (!log && !ccel)
        return lk_report_add(in->report, LK_R_CHAIN_MISSING_PART, ITEM, "log", "log or ccel", "absent");
    if (log && ccel)
        return lk_report_add(in->report, LK_R_CHAIN_DUPLICATE_ITEM, ITEM, "ccel", "log or ccel", "both");
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    (*out)->part = log ? P_LOG : P_CCEL;
    return LK_OK;
}

/* The link to registers; that one of them is the log's is for read_vouched to find. */
static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)in;
    how->wanted = "a quote of the register that the log gives";
    for (size_t i = 0; i < proofs->n; i++) {
        if (proofs->p[i].kind != proof_of(item))
            continue;
        item->first = i;
        how->by = &proofs->p[i];
        return LK_OK;
    }
    return LK_FAIL(UNANCHORED);
}

static bool may_be(const struct lk_item *item, const struct lk_proof *p)
{
    return p->alg == item->log.hash->alg && (item->part == P_LOG || p->index == RUNTIME_RTMR);
}

static lk_result find_register(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    struct lk_bytes end = lk_bytes(item->log.end, item->log.hash->size);
    for (size_t i = item->first; i < proofs->n && proofs->p[i].kind == proof_of(item); i++)
        if (may_be(item, &proofs->p[i]) && lk_bytes_eq(proofs->p[i].value, end)) {
            item->index = proofs->p[i].index;
            return LK_OK;
        }
    char actual[2 * LK_TPM_DIGEST_MAX + 1];
    lk_hex(end, actual, sizeof(actual));
    return lk_report_add(in->report, LK_R_AAEL_REPLAY, ITEM, "register", "a quoted register", actual);
}

static lk_result read_vouched(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    lk_result r = item->part == P_LOG ? lk_aael_read_raw(in->parts[P_LOG], in->arena, &item->log)
                                      : lk_aael_read_ccel(in->parts[P_CCEL], in->arena, &item->log);
    if (!lk_ok(r))
        return lk_report_add(in->report, r.code, ITEM, "log", "", "");
    LK_TRY(find_register(in, item, proofs));
    r = lk_aael_images(&item->log, in->arena, &item->images);
    return lk_ok(r) ? r : lk_report_add(in->report, r.code, ITEM, "images", "", "");
}

static bool begins_at_reset(const struct lk_item *item)
{
    struct lk_registers reset;
    lk_registers_reset(&reset, item->part == P_LOG ? LK_REGISTERS_PCR : LK_REGISTERS_RTMR, item->log.hash);
    return lk_registers_is_reset(&reset, item->index, lk_bytes(item->log.start, item->log.hash->size));
}

static struct lk_value flag(bool v)
{
    return (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = v};
}

static struct lk_value number(uint64_t v)
{
    return (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = v};
}

static lk_result claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    (void)in;
    values[C_IMAGES] = item->images;
    values[C_COMPLETE] = flag(begins_at_reset(item));
    values[C_RESETTABLE] = flag(item->part == P_LOG && (item->index == 16 || item->index == 23));
    values[C_UNKNOWN] = number(item->log.unknown);
    values[C_EVENTS] = number(item->log.n);
    values[C_REGISTER] = number(item->index);
    return LK_OK;
}

const struct lk_family lk_family_aael = {
    .name = ITEM,
    .doc = "An attestation agent's event log: what happened in a guest of confidential containers after its boot, linked to the register that its replay gives",
    .parts = parts,
    .n_parts = P_COUNT,
    .claims = claims,
    .n_claims = C_COUNT,
    .parse = parse,
    .authenticate = authenticate,
    .read_vouched = read_vouched,
    .claim = claim,
};
