/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/verifier/bundle.h"

#include <string.h>

static lk_result take_part(const Latchkey__V1__EvidencePart *p, struct lk_report *report, struct lk_chain_item *item)
{
    static const uint8_t empty;
    const struct lk_family *f = item->family;
    size_t i = 0;
    while (i < f->n_parts && strcmp(f->parts[i].name, p->name) != 0)
        i++;
    if (i == f->n_parts)
        return lk_report_add(report, LK_R_CHAIN_UNKNOWN_PART, f->name, "", "", p->name);
    if (item->parts[i].data != NULL)
        return lk_report_add(report, LK_R_CHAIN_DUPLICATE_PART, f->name, p->name, "once", "twice");
    item->parts[i] = lk_bytes(p->data.len == 0 ? &empty : p->data.data, p->data.len);
    return LK_OK;
}

static lk_result take_item(const Latchkey__V1__EvidenceItem *m, struct lk_report *report, struct lk_chain_item *item)
{
    *item = (struct lk_chain_item){.family = lk_family_by_name(lk_bytes_str(m->family))};
    if (item->family == NULL)
        return lk_report_add(report, LK_R_CHAIN_UNKNOWN_FAMILY, "", "", "", m->family);
    for (size_t i = 0; i < m->n_parts; i++)
        LK_TRY(take_part(m->parts[i], report, item));
    return LK_OK;
}

lk_result lk_bundle_items(Latchkey__V1__EvidenceItem *const *messages, size_t n_messages, struct lk_report *report,
                          struct lk_chain_item *items, size_t *n)
{
    *n = 0;
    if (n_messages > LK_CHAIN_ITEMS_MAX)
        return lk_report_add_uint(report, LK_R_CHAIN_TOO_MANY_ITEMS, "", "", LK_CHAIN_ITEMS_MAX, n_messages);
    for (; *n < n_messages; ++*n)
        LK_TRY(take_item(messages[*n], report, &items[*n]));
    return LK_OK;
}
