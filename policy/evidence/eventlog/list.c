/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of digests, and the sections of a unified kernel image (systemd-stub(7), "TPM PCR Notes"). */
#include "policy/evidence/eventlog/reader.h"

#include <string.h>

#define LIST_MAX 512

lk_result lk_boot_list_add(struct lk_boot_reader *r, struct lk_boot_list *list, struct lk_bytes digest)
{
    if (list->r == NULL)
        list->r = lk_arena_array(r->arena, LIST_MAX, sizeof(*list->r));
    LK_REQUIRE(list->r != NULL, MEMORY);
    LK_REQUIRE(list->n < LIST_MAX, TOO_LARGE);
    uint32_t place = (uint32_t)list->n + 1;
    list->r[list->n++] = (struct lk_register){r->boot->hash->alg, place, digest};
    return LK_OK;
}

/* In the order in which the stub measures them. */
static const char *const sections[LK_BOOT_SECTIONS] = {".linux",  ".osrel", ".cmdline", ".initrd", ".ucode",
                                                       ".splash", ".dtb",   ".uname",   ".sbat",   ".pcrpkey"};

static size_t section_named(const struct lk_boot_reader *r, struct lk_bytes digest)
{
    for (size_t i = r->section; i < LK_BOOT_SECTIONS; i++)
        if (lk_boot_covers(r->boot->hash, lk_bytes(sections[i], strlen(sections[i]) + 1), digest))
            return i;
    return LK_BOOT_SECTIONS;
}

/* What follows the last section (phases of the boot, say) is the system's own, and ends the reading. */
bool lk_boot_stub_section(struct lk_boot_reader *r, struct lk_bytes digest)
{
    if (r->sections_over)
        return false;
    if (r->section_open < LK_BOOT_SECTIONS) {
        r->boot->sections[r->section_open] = digest;
        r->section_open = LK_BOOT_SECTIONS;
        return true;
    }
    r->section_open = section_named(r, digest);
    r->sections_over = r->section_open == LK_BOOT_SECTIONS;
    r->section = r->section_open + 1;
    return !r->sections_over;
}
