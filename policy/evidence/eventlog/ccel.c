/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a confidential computing event log, by RTMR. What is certain there, though types and most data are not
 * measured:
 *
 *   RTMR0  Secure Boot's variables: before the first separator, whose digest everybody knows, only the firmware measured.
 *          An authority could be hidden as a table of the firmware, so the list of authorities is no claim.
 *   RTMR1  the applications: all that is neither a separator, nor a firmware action, nor a partition table that is hashed
 *          as such. Nothing comes after the end of the boot services.
 *   RTMR2  a UKI's sections, if they come first. Behind them texts of GRUB or the stub, and the digests of everything
 *          else: `files`. A text could be passed off as a file, so the command line is certain only with its files.
 *   RTMR3  the guest's own: `runtime`.
 */
#include "policy/evidence/eventlog/reader.h"

#include <string.h>

#define GPT_SIGNATURE "EFI PART" /* UEFI 2.10, section 5.3.2; a PE image begins otherwise */

static lk_result settings(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    bool closed = r->separators[0] > 0;
    if (e->type == (uint32_t)LK_TCG_VARIABLE_AUTHORITY)
        return lk_boot_authority(r, e, digest, closed);
    if (e->type != (uint32_t)LK_TCG_VARIABLE_DRIVER_CONFIG)
        return LK_OK;
    LK_REQUIRE(lk_boot_covers(r->boot->hash, e->data, digest), EVENTLOG_DATA);
    return lk_boot_variable(r, e, closed);
}

/* An image whose Authenticode digest is that of such data cannot be: it would have to begin with them. */
static bool is_partition_table(const struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    size_t n = strlen(GPT_SIGNATURE);
    return e->type == (uint32_t)LK_TCG_GPT_EVENT && e->data.len > n && memcmp(e->data.data, GPT_SIGNATURE, n) == 0 &&
           lk_boot_covers(r->boot->hash, e->data, digest);
}

/* systemd-stub measures options as UTF-16; GRUB marks its texts, and they are looked for first. */
static bool is_stub_text(const struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    bool wide = e->data.len >= 2 && e->data.len % 2 == 0 && e->data.data[1] == 0;
    return e->type == LK_TCG_IPL && wide && lk_boot_covers(r->boot->hash, e->data, digest);
}

static lk_result system_event(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    if (lk_boot_stub_section(r, digest) || lk_boot_grub_hashed(r, e, digest))
        return LK_OK;
    if (!is_stub_text(r, e, digest))
        return lk_boot_list_add(r, &r->boot->files, digest);
    lk_boot_stub_text(r, e, digest);
    return LK_OK;
}

lk_result lk_boot_rtmr(struct lk_boot_reader *r, uint32_t rtmr, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    switch (rtmr) {
    case 0:
        return settings(r, e, digest);
    case 1:
        return is_partition_table(r, e, digest) ? LK_OK : lk_boot_list_add(r, &r->boot->applications, digest);
    case 2:
        return system_event(r, e, digest);
    default:
        return lk_boot_list_add(r, &r->boot->runtime, digest);
    }
}
