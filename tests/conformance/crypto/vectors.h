/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_VECTORS_H
#define LK_TEST_VECTORS_H
/* Public vectors as JSON: they are read where they lie beside the source, never copied. */
#include "proto/base/buffer.h"

#include <jansson.h>

#define SKIPPED 77 /* ctest SKIP_RETURN_CODE */

/* False, said loudly, when the folder of vectors is not there. */
bool vectors_present(void);
/* A file of ../shared/vectors/crypto; the caller json_decref's. NULL when it cannot be read. */
json_t *vectors_load(const char *name);

/* A member's text; "" when there is none. */
const char *vector_text(const json_t *object, const char *member);
/* A member's hex as bytes in a new buffer; empty when there is none. */
struct lk_buf vector_bytes(const json_t *object, const char *member);

#endif
