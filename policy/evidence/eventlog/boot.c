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

/* Registers below `firmware` have one separator each; each kind of thing has a register. */
static const struct form {
    uint32_t firmware, places[4];
    bool (*belongs)(uint32_t type, uint32_t n);
} forms[] = {
    [LK_REGISTERS_PCR] = {LK_BOOT_FIRMWARE_PCRS, {7, 4, 9, 31}, lk_tcg_type_belongs},
    [LK_REGISTERS_RTMR] = {2, {0, 1, 2, 3}, lk_tcg_type_belongs_rtmr},
};

uint32_t lk_boot_register(enum lk_register_kind kind, enum lk_boot_place place)
{
    return forms[kind].places[place];
}

static lk_result separator(struct lk_boot_reader *r, uint32_t n, const struct lk_tcg_event *e)
{
    if (n >= forms[r->boot->kind].firmware)
        return LK_OK;
    bool good = lk_bytes_eq(e->data, LK_BYTES(zeros)) || lk_bytes_eq(e->data, LK_BYTES(ones));
    LK_REQUIRE(good && r->separators[n]++ == 0, EVENTLOG_SEPARATOR);
    return LK_OK;
}

/* The end of the boot services stands in PCR 5, or in the RTMR of the applications themselves. */
static void action(struct lk_boot_reader *r, uint32_t n, const struct lk_tcg_event *e)
{
    uint32_t end = r->boot->kind == LK_REGISTERS_PCR ? 5 : lk_boot_register(r->boot->kind, LK_BOOT_PLACE_APPLICATIONS);
    r->boot->debug_mode = r->boot->debug_mode || is_action(e, "UEFI Debug Mode");
    r->boot->dma_protection_disabled = r->boot->dma_protection_disabled || is_action(e, "DMA Protection Disabled");
    r->exited = r->exited || (n == end && is_action(e, EXITED));
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
        return lk_boot_list_add(r, &r->boot->applications, digest);
    case 7:
        return lk_boot_pcr7(r, e, digest);
    case 8:
        lk_boot_grub_text(r, e, digest);
        return LK_OK;
    case 9:
        return lk_boot_list_add(r, &r->boot->files, digest);
    case 11:
        (void)lk_boot_stub_section(r, digest);
        return LK_OK;
    case 12:
        lk_boot_stub_text(r, e, digest);
        return LK_OK;
    default:
        return LK_OK;
    }
}

/* In PCR 0 firmware measures modules whose digest it gives as that of four zero bytes; only this type may. */
static bool retyped(const struct lk_boot_reader *r, uint32_t n, const struct lk_tcg_event *e, uint32_t fixed)
{
    bool module = r->boot->kind == LK_REGISTERS_PCR && n == 0 && e->type == 0x07;
    return n < forms[r->boot->kind].firmware && fixed != 0 && e->type != fixed && !module;
}

/* The number of the register that the event extends; in a CCEL index 0 is MRTD, which is none (it becomes too large). */
static uint32_t register_of(const struct lk_boot_reader *r, const struct lk_tcg_event *e)
{
    return r->boot->kind == LK_REGISTERS_RTMR ? e->index - 1 : e->index;
}

static lk_result take(struct lk_boot_reader *r, const struct lk_tcg_event *e)
{
    uint32_t n = register_of(r, e);
    const struct lk_tpm_hash *hash = r->boot->hash;
    struct lk_bytes digest = lk_tcg_digest(&r->log, e, hash->alg);
    if (e->type == LK_TCG_NO_ACTION || n >= LK_REGISTERS_MAX || (r->boot->explained & (1u << n)) == 0)
        return LK_OK;
    LK_REQUIRE(forms[r->boot->kind].belongs(e->type, n), EVENTLOG_TYPE);
    uint32_t fixed = fixed_type(r, digest);
    LK_REQUIRE(!retyped(r, n, e, fixed), EVENTLOG_RETYPED);
    r->crtm_over = r->crtm_over || (n == 0 && fixed == LK_TCG_SEPARATOR);
    bool plain = e->type == LK_TCG_SEPARATOR || e->type == (uint32_t)LK_TCG_EFI_ACTION || e->type == LK_TCG_CRTM_VERSION;
    LK_REQUIRE(!plain || lk_boot_covers(hash, e->data, digest), EVENTLOG_DATA);
    if (e->type == LK_TCG_SEPARATOR)
        return separator(r, n, e);
    LK_REQUIRE(!r->exited || n != lk_boot_register(r->boot->kind, LK_BOOT_PLACE_APPLICATIONS), EVENTLOG_AFTER_EXIT);
    if (e->type == (uint32_t)LK_TCG_EFI_ACTION) {
        action(r, n, e);
        return LK_OK;
    }
    return r->boot->kind == LK_REGISTERS_PCR ? by_pcr(r, e, digest) : lk_boot_rtmr(r, n, e, digest);
}

static lk_result finish(struct lk_boot_reader *r, struct lk_boot_fault *fault)
{
    for (uint32_t n = 0; n < forms[r->boot->kind].firmware; n++) {
        *fault = (struct lk_boot_fault){.pcr = n};
        LK_REQUIRE((r->boot->explained & (1u << n)) == 0 || r->separators[n] == 1, EVENTLOG_SEPARATOR);
    }
    fault->pcr = lk_boot_register(r->boot->kind, LK_BOOT_PLACE_VARIABLES);
    if (r->boot->explained & (1u << fault->pcr))
        LK_TRY(lk_boot_variables_end(r));
    lk_boot_text_end(r);
    r->boot->n_events = r->log.n_events;
    return LK_OK;
}

lk_result lk_boot_read(struct lk_bytes log, enum lk_register_kind kind, const struct lk_tpm_hash *hash, uint32_t explained,
                       struct lk_arena *arena, struct lk_boot *out, struct lk_boot_fault *fault)
{
    struct lk_boot_reader r = {.boot = out, .arena = arena, .section_open = LK_BOOT_SECTIONS};
    struct lk_tcg_event e;
    *out = (struct lk_boot){.kind = kind, .hash = hash, .explained = explained};
    *fault = (struct lk_boot_fault){0};
    LK_TRY(lk_tcg_open(log, &r.log));
    LK_TRY(digest_fixed(&r));
    for (bool more = true;;) {
        LK_TRY(lk_tcg_next(&r.log, &e, &more));
        if (!more)
            return finish(&r, fault);
        *fault = (struct lk_boot_fault){r.log.n_events, register_of(&r, &e), e.type};
        LK_TRY(take(&r, &e));
    }
}
