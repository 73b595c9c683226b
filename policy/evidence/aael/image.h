/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AAEL_IMAGE_H
#define LK_AAEL_IMAGE_H
/*
 * Container images that were pulled: events of domain "github.com/confidential-containers", operation "PullImage", whose
 * content is {"image":REFERENCE,"digest":"ALGORITHM:HEX"}, the digest being that of the image's manifest.
 */
#include "policy/appraise/value.h"
#include "policy/evidence/aael/log.h"

/* The images in the order of the log, in the arena. MEMORY, AAEL_IMAGE: such an event without such content. */
LK_MUST_USE lk_result lk_aael_images(const struct lk_aael *a, struct lk_arena *arena, struct lk_value *out);

#endif
