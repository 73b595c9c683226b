/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/eventlog/reader.h"

#include <string.h>

static const uint8_t zeros[4] = {0}, ones[4] = {0xff, 0xff, 0xff, 0xff};

/* EV_EFI_ACTION: PC Client Platform Firmware Profile 1.05, section 10.4.4. */
static const char *const actions[] = {
    "Calling EFI Application from Boot Option",
    "Returning from EFI Application from Boot Option",
    "Exit Boot Services Invocation",
    "Exit Boot Services Returned with Failure",
    "Exit Boot Services Returned with Success",
    "UEFI Debug Mode",
    "DMA Protection Disabled",
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))
_Static_assert(2 + ACTIONS == LK_BOOT_FIXED, "each has a digest");
#define EXITED "Exit Boot Services Returned with Success"

bool lk_boot_covers(const struct lk_tpm_hash *hash, struct lk_bytes data, struct lk_bytes digest)
{
    uint8_t out[LK_TPM_DIGEST_MAX];
    return lk_ok(lk_tpm_digest(hash, &data, 1, out)) && lk_bytes_eq(lk_bytes(out, hash->size), digest);
}

static lk_result digest_fixed(struct lk_boot_reader *r)
{
    struct lk_bytes data[LK_BOOT_FIXED] = {LK_BYTES(zeros), LK_BYTES(ones)};
    for (size_t i = 0; i < ACTIONS; i++)
        data[2 + i] = lk_bytes_str(actions[i]);
    for (size_t i = 0; i < LK_BOOT_FIXED; i++)
        LK_TRY(lk_tpm_digest(r->boot->hash, &data[i], 1, r->fixed[i]));
    return LK_OK;
}

/* The type that an event of this digest must have; 0 for any. */
static uint32_t fixed_type(const struct lk_boot_reader *r, struct lk_bytes digest)
{
    for (size_t i = 0; i < LK_BOOT_FIXED; i++)
        if (lk_bytes_eq(lk_bytes(r->fixed[i], r->boot->hash->size), digest))
            return i < 2 ? LK_TCG_SEPARATOR : (uint32_t)LK_TCG_EFI_ACTION;
    return 0;
}

static bool is_action(const struct lk_tcg_event *e, const char *action)
{
    return e->type == (uint32_t)LK_TCG_EFI_ACTION && lk_bytes_eq(e->data, lk_bytes_str(action));
}

static lk_result separator(struct lk_boot_reader *r, const struct lk_tcg_event *e)
{
    if (e->index >= LK_BOOT_FIRMWARE_PCRS)
        return LK_OK;
    bool good = lk_bytes_eq(e->data, LK_BYTES(zeros)) || lk_bytes_eq(e->data, LK_BYTES(ones));
    LK_REQUIRE(good && r->separators[e->index]++ == 0, EVENTLOG_SEPARATOR);
    return LK_OK;
}

static void action(struct lk_boot_reader *r, const struct lk_tcg_event *e)
{
    r->boot->debug_mode = r->boot->debug_mode || is_action(e, "UEFI Debug Mode");
    r->boot->dma_protection_disabled = r->boot->dma_protection_disabled || is_action(e, "DMA Protection Disabled");
    r->exited = r->exited || (e->index == 5 && is_action(e, EXITED));
}

/* The version counts if it stands alone before what looks like the separator, whatever its type says. */
static lk_result pcr0(struct lk_boot_reader *r, const struct lk_tcg_event *e)
{
    if (e->type != LK_TCG_CRTM_VERSION || r->crtm_over)
        return LK_OK;
    r->boot->crtm_version = r->n_crtm++ == 0 ? e->data : LK_BYTES_NONE;
    return LK_OK;
}

static lk_result by_pcr(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    switch (e->index) {
    case 0:
        return pcr0(r, e);
    case 4:
        LK_REQUIRE(!r->exited, EVENTLOG_AFTER_EXIT);
        return lk_boot_list_add(r, &r->boot->applications, digest);
    case 7:
        return lk_boot_pcr7(r, e, digest);
    case 8:
        return lk_boot_grub_text(r, e, digest);
    case 9:
        return lk_boot_list_add(r, &r->boot->files, digest);
    case 11:
        lk_boot_stub_section(r, digest);
        return LK_OK;
    case 12:
        return lk_boot_stub_text(r, e, digest);
    default:
        return LK_OK;
    }
}

/* In PCR 0 firmware measures modules whose digest it gives as that of four zero bytes; only this type may. */
static bool retyped(const struct lk_tcg_event *e, uint32_t fixed)
{
    bool module = e->index == 0 && e->type == 0x07;
    return e->index < LK_BOOT_FIRMWARE_PCRS && fixed != 0 && e->type != fixed && !module;
}

static lk_result take(struct lk_boot_reader *r, const struct lk_tcg_event *e)
{
    const struct lk_tpm_hash *hash = r->boot->hash;
    struct lk_bytes digest = lk_tcg_digest(&r->log, e, hash->alg);
    if (e->type == LK_TCG_NO_ACTION || e->index >= LK_REGISTERS_MAX || (r->boot->explained & (1u << e->index)) == 0)
        return LK_OK;
    LK_REQUIRE(lk_tcg_type_belongs(e->type, e->index), EVENTLOG_TYPE);
    uint32_t fixed = fixed_type(r, digest);
    LK_REQUIRE(!retyped(e, fixed), EVENTLOG_RETYPED);
    r->crtm_over = r->crtm_over || (e->index == 0 && fixed == LK_TCG_SEPARATOR);
    bool plain = e->type == LK_TCG_SEPARATOR || e->type == (uint32_t)LK_TCG_EFI_ACTION || e->type == LK_TCG_CRTM_VERSION;
    LK_REQUIRE(!plain || lk_boot_covers(hash, e->data, digest), EVENTLOG_DATA);
    if (e->type == LK_TCG_SEPARATOR)
        return separator(r, e);
    if (e->type == (uint32_t)LK_TCG_EFI_ACTION) {
        action(r, e);
        return e->index == 4 && r->exited ? LK_FAIL(EVENTLOG_AFTER_EXIT) : LK_OK;
    }
    return by_pcr(r, e, digest);
}

static lk_result finish(struct lk_boot_reader *r, struct lk_boot_fault *fault)
{
    for (uint32_t pcr = 0; pcr < LK_BOOT_FIRMWARE_PCRS; pcr++) {
        *fault = (struct lk_boot_fault){.pcr = pcr};
        bool explained = (r->boot->explained & (1u << pcr)) != 0;
        LK_REQUIRE(!explained || r->separators[pcr] == 1, EVENTLOG_SEPARATOR);
    }
    if (r->boot->explained & (1u << 7))
        LK_TRY(lk_boot_pcr7_end(r));
    lk_boot_text_end(r);
    r->boot->n_events = r->log.n_events;
    return LK_OK;
}

lk_result lk_boot_read(struct lk_bytes log, const struct lk_tpm_hash *hash, uint32_t explained, struct lk_arena *arena,
                       struct lk_boot *out, struct lk_boot_fault *fault)
{
    struct lk_boot_reader r = {.boot = out, .arena = arena, .section_open = LK_BOOT_SECTIONS};
    struct lk_tcg_event e;
    *out = (struct lk_boot){.hash = hash, .explained = explained};
    *fault = (struct lk_boot_fault){0};
    LK_TRY(lk_tcg_open(log, &r.log));
    LK_TRY(digest_fixed(&r));
    for (bool more = true;;) {
        LK_TRY(lk_tcg_next(&r.log, &e, &more));
        if (!more)
            return finish(&r, fault);
        *fault = (struct lk_boot_fault){r.log.n_events, e.index, e.type};
        LK_TRY(take(&r, &e));
    }
}
