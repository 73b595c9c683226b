/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_INITDATA_DOCUMENT_H
#define LK_INITDATA_DOCUMENT_H
/*
 * An initdata document (Confidential Containers, "Initdata Specification"): what the host configures a guest's agents
 * with at launch. A TOML text: version, algorithm, and a table `data` of named texts such as "policy.rego".
 */
#include "proto/base/arena.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_INITDATA_MAX (256u << 10) /* bytes of a document */
#define LK_INITDATA_ENTRIES_MAX 64

struct lk_initdata_entry {
    struct lk_bytes name, text;
};

struct lk_initdata {
    struct lk_bytes version, algorithm;
    struct lk_initdata_entry entries[LK_INITDATA_ENTRIES_MAX];
    size_t n;
};

/*
 * version and algorithm once each, then [data], which may be empty; nothing else. Names borrow from the document, texts
 * lie in the arena. MEMORY, INITDATA_DOCUMENT.
 */
LK_MUST_USE lk_result lk_initdata_read(struct lk_bytes document, struct lk_arena *arena, struct lk_initdata *out);

#endif
