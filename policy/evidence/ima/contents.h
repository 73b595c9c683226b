/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_IMA_CONTENTS_H
#define LK_IMA_CONTENTS_H
/*
 * What the entries of a list say was measured, once a quote vouches for them: files with their signers, buffers, and the
 * dm-verity targets that buffers tell of.
 */
#include "policy/evidence/family.h"

#define LK_IMA_VERITY_MAX 256 /* targets in one list */

struct lk_ima_contents {
    struct lk_member *files, *buffers, *verity;
    size_t n_files, n_buffers, n_verity;
};

/*
 * Of the first `covered` entries those of PCR 10 that are no violations; the first entry, boot_aggregate, is left out. Members
 * live as long as the arena and the list. IMA_LIMIT, IMA_* of list.h, MEMORY.
 */
LK_MUST_USE lk_result lk_ima_contents(const struct lk_family_input *in, struct lk_bytes list, size_t covered,
                                      struct lk_ima_contents *out);

#endif
