/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_TEXT_H
#define LK_BASE_TEXT_H
/*
 * What must hold of a text before a parser, a log or a person is given it.
 */
#include "proto/base/bytes.h"

/* Well-formed UTF-8 (RFC 3629, 4) without NUL. */
bool lk_utf8_ok(struct lk_bytes text);

/*
 * UTF-8 without control characters (U+0001..1F, U+007F..9F) and without characters that hide, or that change how what
 * follows is shown (zero-width and bidirectional ones): an approver must see what he approves.
 */
bool lk_text_prints(struct lk_bytes text);

/*
 * Why this text must not reach the YAML parser, as words that live for ever, and the line (1 is the first) in *line; NULL
 * when it may. Refused are text that is no UTF-8, and directives, which no document of ours has: libfyaml 0.7.12
 * never returns from a directive with a byte that is no UTF-8.
 */
const char *lk_yaml_flaw(struct lk_bytes text, int *line);

#endif
