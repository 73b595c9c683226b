/* SPDX-License-Identifier: Apache-2.0 */
/* The claims: one table for YAML keys, lint, defaults, refusals and documentation (family.h). */
#include "policy/evidence/eventlog/item.h"
#include "policy/evidence/eventlog/reader.h"

#include <string.h>

static const char *const bank_words[] = {"sha1", "sha256", "sha384", "sha512", NULL};

enum claim {
    C_SECURE_BOOT,
    C_PK,
    C_KEK,
    C_DB,
    C_DBX,
    C_AUTHORITY,
    C_AUTHORITIES,
    C_EARLY_AUTHORITY,
    C_DEBUG_MODE,
    C_DMA,
    C_CRTM_VERSION,
    C_FIRMWARE_VERSION,
    C_APPLICATION,
    C_APPLICATIONS,
    C_FILE,
    C_FILES,
    C_COMMAND_LINE,
    C_LOGGED_COMMAND_LINE,
    C_UKI_LINUX,
    C_UKI_INITRD,
    C_UKI_CMDLINE,
    C_UKI_OSREL,
    C_UKI_UNAME,
    C_RUNTIME,
    C_RUNTIMES,
    C_UNEXPLAINED,
    C_BANK,
    C_COUNT,
};

const struct lk_claim lk_eventlog_claims[LK_EVENTLOG_CLAIMS] = {
    [C_SECURE_BOOT] = {"secure-boot", LK_KIND_BOOL, "required", LK_R_EVENTLOG_SECURE_BOOT, "SecureBoot variable in PCR 7 (RTMR0); `required` asks for PK, KEK, db and an authority that was used, too", NULL, 0},
    [C_PK] = {"pk", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_KEYS, "SHA-256 of the contents of variable PK", NULL, 0},
    [C_KEK] = {"kek", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_KEYS, "SHA-256 of the contents of variable KEK", NULL, 0},
    [C_DB] = {"db", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_KEYS, "SHA-256 of the contents of variable db", NULL, 0},
    [C_DBX] = {"dbx", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_KEYS, "SHA-256 of the contents of variable dbx", NULL, 0},
    [C_AUTHORITY] = {"authority", LK_KIND_REGISTERS, "skip", LK_R_EVENTLOG_KEYS, "Digests of EV_EFI_VARIABLE_AUTHORITY in PCR 7, from 1 in their order: what verified each image: `authority.sha256.1`", NULL, 0},
    [C_AUTHORITIES] = {"authorities", LK_KIND_UINT, "skip", LK_R_EVENTLOG_KEYS, "How many there are", NULL, 0},
    [C_EARLY_AUTHORITY] = {"early-authority", LK_KIND_BOOL, "deny", LK_R_EVENTLOG_KEYS, "An authority was used before the separator of PCR 7: the firmware ran code of others before it closed the Secure Boot settings", NULL, 0},
    [C_DEBUG_MODE] = {"debug-mode", LK_KIND_BOOL, "deny", LK_R_EVENTLOG_FIRMWARE, "EV_EFI_ACTION \"UEFI Debug Mode\"", NULL, 0},
    [C_DMA] = {"dma-protection-disabled", LK_KIND_BOOL, "deny", LK_R_EVENTLOG_FIRMWARE, "EV_EFI_ACTION \"DMA Protection Disabled\"", NULL, 0},
    [C_CRTM_VERSION] = {"crtm-version", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_FIRMWARE, "Data of EV_S_CRTM_VERSION, as bytes", NULL, 0},
    [C_FIRMWARE_VERSION] = {"firmware-version", LK_KIND_TEXT, "skip", LK_R_EVENTLOG_FIRMWARE, "The same as text, where it is text", NULL, 0},
    [C_APPLICATION] = {"boot-application", LK_KIND_REGISTERS, NULL, LK_R_EVENTLOG_BOOT, "Authenticode digests in PCR 4 (RTMR1), from 1 in their order: shim, GRUB, kernel or UKI; `boot-application.sha256.1`. Every event but separators and firmware actions counts, whatever its type", NULL, LK_CLAIM_PIN},
    [C_APPLICATIONS] = {"boot-applications", LK_KIND_UINT, "skip", LK_R_EVENTLOG_BOOT, "How many there are", NULL, 0},
    [C_FILE] = {"file", LK_KIND_REGISTERS, "skip", LK_R_EVENTLOG_BOOT, "Digests in PCR 9 (RTMR2), from 1 in their order: files that GRUB read, load options and initrd that the kernel's stub took", NULL, 0},
    [C_FILES] = {"files", LK_KIND_UINT, "skip", LK_R_EVENTLOG_BOOT, "How many there are", NULL, 0},
    [C_COMMAND_LINE] = {"command-line", LK_KIND_TEXT, NULL, LK_R_EVENTLOG_COMMAND_LINE, "The kernel's command line, from GRUB's texts in PCR 8 or systemd-stub's in PCR 12; absent when it cannot be told for certain", NULL, LK_CLAIM_PIN | LK_CLAIM_PCR(12)},
    [C_LOGGED_COMMAND_LINE] = {"logged-command-line", LK_KIND_TEXT, "skip", LK_R_EVENTLOG_COMMAND_LINE, "The same as a TD's log tells it from texts in RTMR2: only beside rules on every `file` and on `files` does it prove anything", NULL, 0},
    [C_UKI_LINUX] = {"uki-linux", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_BOOT, "Digest of section .linux that systemd-stub measured into PCR 11", NULL, LK_CLAIM_PCR(11)},
    [C_UKI_INITRD] = {"uki-initrd", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_BOOT, "Digest of section .initrd", NULL, LK_CLAIM_PCR(11)},
    [C_UKI_CMDLINE] = {"uki-cmdline", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_BOOT, "Digest of section .cmdline", NULL, LK_CLAIM_PCR(11)},
    [C_UKI_OSREL] = {"uki-osrel", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_BOOT, "Digest of section .osrel", NULL, LK_CLAIM_PCR(11)},
    [C_UKI_UNAME] = {"uki-uname", LK_KIND_BYTES, "skip", LK_R_EVENTLOG_BOOT, "Digest of section .uname", NULL, LK_CLAIM_PCR(11)},
    [C_RUNTIME] = {"runtime-event", LK_KIND_REGISTERS, "skip", LK_R_EVENTLOG_BOOT, "Digests in RTMR3, from 1 in their order, where the log explains it", NULL, 0},
    [C_RUNTIMES] = {"runtime-events", LK_KIND_UINT, "skip", LK_R_EVENTLOG_BOOT, "How many there are", NULL, 0},
    [C_UNEXPLAINED] = {"unexplained-pcrs", LK_KIND_BOOL, "deny", LK_R_EVENTLOG_UNEXPLAINED, "A quoted PCR from 8 up, 10 excepted, is neither explained by the log nor at its reset value", NULL, 0},
    [C_BANK] = {"bank", LK_KIND_WORD, "skip", LK_R_EVENTLOG_FIRMWARE, "The bank that the digests above are of", bank_words, 0},
};

_Static_assert(C_COUNT == LK_EVENTLOG_CLAIMS, "the family states the number of its claims");

static struct lk_value flag(bool v)
{
    return (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = v};
}

static struct lk_value number(uint64_t v)
{
    return (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = v};
}

static struct lk_value bytes(struct lk_bytes v)
{
    return (struct lk_value){.kind = LK_KIND_BYTES, .present = v.data != NULL, .bytes = v};
}

static struct lk_value text(const char *v)
{
    return (struct lk_value){.kind = LK_KIND_TEXT, .present = v != NULL, .word = v};
}

static struct lk_value list(const struct lk_boot_list *l)
{
    return (struct lk_value){.kind = LK_KIND_REGISTERS, .present = l->n > 0, .registers = {l->r, l->n}};
}

/* True when the register of the place was quoted and is explained. */
static bool knows(const struct lk_boot *b, enum lk_boot_place place)
{
    return (b->explained & (1u << lk_boot_register(b->kind, place))) != 0;
}

static lk_result sha256(struct lk_bytes data, struct lk_arena *arena, struct lk_value *out)
{
    if (data.data == NULL)
        return LK_OK;
    uint8_t *digest = lk_arena_alloc(arena, LK_TPM_DIGEST_MAX);
    LK_REQUIRE(digest != NULL, MEMORY);
    LK_TRY(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA256), &data, 1, digest));
    *out = bytes(lk_bytes(digest, 32));
    return LK_OK;
}

static lk_result claim_secure_boot(const struct lk_family_input *in, const struct lk_boot *b, struct lk_value *v)
{
    static const enum claim keys[LK_BOOT_VARIABLES] = {
        [LK_BOOT_PK] = C_PK, [LK_BOOT_KEK] = C_KEK, [LK_BOOT_DB] = C_DB, [LK_BOOT_DBX] = C_DBX};
    struct lk_bytes on = b->variables[LK_BOOT_SECURE_BOOT];
    if (on.data != NULL)
        v[C_SECURE_BOOT] = flag(on.len == 1 && on.data[0] == 1);
    for (size_t i = LK_BOOT_PK; i < LK_BOOT_VARIABLES; i++)
        LK_TRY(sha256(b->variables[i], in->arena, &v[keys[i]]));
    if (knows(b, LK_BOOT_PLACE_VARIABLES))
        v[C_EARLY_AUTHORITY] = flag(b->early_authority);
    if (b->kind == LK_REGISTERS_RTMR)
        return LK_OK; /* one of them could be hidden there */
    v[C_AUTHORITY] = list(&b->authorities);
    if (knows(b, LK_BOOT_PLACE_VARIABLES))
        v[C_AUTHORITIES] = number(b->authorities.n);
    return LK_OK;
}

static void claim_images(const struct lk_boot *b, struct lk_value *v)
{
    v[C_APPLICATION] = list(&b->applications);
    v[C_FILE] = list(&b->files);
    if (knows(b, LK_BOOT_PLACE_APPLICATIONS))
        v[C_APPLICATIONS] = number(b->applications.n);
    if (knows(b, LK_BOOT_PLACE_FILES))
        v[C_FILES] = number(b->files.n);
    v[C_RUNTIME] = list(&b->runtime);
    if (knows(b, LK_BOOT_PLACE_RUNTIME))
        v[C_RUNTIMES] = number(b->runtime.n);
    v[C_COMMAND_LINE] = text(b->command_line);
    v[C_LOGGED_COMMAND_LINE] = text(b->logged_command_line);
    v[C_UKI_LINUX] = bytes(b->sections[LK_BOOT_LINUX]);
    v[C_UKI_INITRD] = bytes(b->sections[LK_BOOT_INITRD]);
    v[C_UKI_CMDLINE] = bytes(b->sections[LK_BOOT_CMDLINE]);
    v[C_UKI_OSREL] = bytes(b->sections[LK_BOOT_OSREL]);
    v[C_UKI_UNAME] = bytes(b->sections[LK_BOOT_UNAME]);
}

static bool readable(const char *t)
{
    return t != NULL && t[0] != '\0' && strpbrk(t, "\n\t") == NULL && strlen(t) <= 128;
}

static void claim_firmware(const struct lk_family_input *in, const struct lk_boot *b, struct lk_value *v)
{
    if (knows(b, LK_BOOT_PLACE_VARIABLES)) { /* both are measured there */
        v[C_DEBUG_MODE] = flag(b->debug_mode);
        v[C_DMA] = flag(b->dma_protection_disabled);
    }
    if (b->crtm_version.data == NULL || b->crtm_version.len > 512)
        return;
    v[C_CRTM_VERSION] = bytes(b->crtm_version);
    const char *version = lk_boot_text(b->crtm_version, in->arena);
    if (readable(version))
        v[C_FIRMWARE_VERSION] = text(version);
}

lk_result lk_eventlog_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    LK_TRY(claim_secure_boot(in, &item->boot, values));
    claim_images(&item->boot, values);
    claim_firmware(in, &item->boot, values);
    values[C_UNEXPLAINED] = flag(item->judged.unexplained);
    values[C_BANK] = (struct lk_value){.kind = LK_KIND_WORD, .present = true, .word = item->judged.hash->name};
    return LK_OK;
}
