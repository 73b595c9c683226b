/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_TEXTS_H
#define LK_LINK_TEXTS_H
/* Texts and codes inside the frames of a verifier. A text is a u8 length and the bytes, without NUL. */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"
#include "proto/base/report.h"

void lk_link_text_put(struct lk_buf *out, const char *text);
/* Fails the cursor when the text does not fit, or holds control bytes, or bytes above 0x7f where ascii is asked for. */
void lk_link_text_get(struct lk_cursor *c, char *out, size_t size, bool ascii);
enum lk_reason_code lk_link_code_get(struct lk_cursor *c);

/* Code, item, rule, expected, actual. */
void lk_link_finding_put(struct lk_buf *out, const struct lk_finding *f);
void lk_link_finding_get(struct lk_cursor *c, struct lk_finding *f);

#endif
