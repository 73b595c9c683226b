/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/deliver.h"

#include "broker/guest/fetch/luks.h"
#include "broker/guest/fetch/output.h"

lk_result lk_delivery_begin(const struct lk_fetch_options *o, struct lk_delivery *d)
{
    *d = (struct lk_delivery){.o = o, .volumes = lk_volumes_new()};
    LK_REQUIRE(d->volumes != NULL, MEMORY);
    for (size_t i = 0; i < o->n_secrets; i++)
        if (o->secrets[i].to.kind == LK_TARGET_CRYPTTAB)
            LK_TRY(lk_volumes_add(d->volumes, o->keys_folder, &o->secrets[i].to));
    return LK_OK;
}

void lk_delivery_end(struct lk_delivery *d)
{
    lk_volumes_free(d->volumes);
    d->volumes = NULL;
}

static lk_result to_place(struct lk_delivery *d, size_t secret, struct lk_bytes key)
{
    const struct lk_fetch_secret *s = &d->o->secrets[secret];
    switch (s->to.kind) {
    case LK_TARGET_CRYPTTAB:
        return lk_volumes_put(d->volumes, s->to.name, key);
    case LK_TARGET_LUKS:
        return lk_luks_open(&s->to, key);
    case LK_TARGET_ENROL:
        return lk_luks_enrol(&(struct lk_luks_enrol){s->to.path, d->o->existing_key, d->o->format}, key);
    case LK_TARGET_STREAM:
    case LK_TARGET_FILE:
        break;
    }
    return lk_target_write(&s->to, s->target, key);
}

lk_result lk_deliver(struct lk_delivery *d, size_t secret, struct lk_bytes key)
{
    if (d->done[secret])
        return LK_OK;
    LK_TRY(to_place(d, secret, key));
    d->done[secret] = true;
    return LK_OK;
}
