/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FRONT_CALLERS_H
#define LK_FRONT_CALLERS_H
/* Roles of callers by the SHA-256 of their client certificate, as the configuration names them. */
#include "proto/link/front_config.h"

struct lk_callers {
    struct lk_front_caller *entries;
    size_t n;
};

/* Replaces the table by the payload of CTL_CALLERS. On failure (FRAME_FORBIDDEN, MEMORY) it stays as it was. */
LK_MUST_USE lk_result lk_callers_set(struct lk_callers *c, struct lk_bytes payload);
void lk_callers_free(struct lk_callers *c);

/* enum lk_role bits; 0 for a certificate that nobody named. */
uint32_t lk_callers_roles(const struct lk_callers *c, const uint8_t certificate[static 32]);

#endif
