/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_MSG_SCAN_H
#define LK_MSG_SCAN_H
/* Private to proto/msg. */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

/*
 * Of a message that lk_msg_scan passed: the last occurrence of a sized field, whole (with tag and length) and its
 * content; absent when there is none. REQUEST_MALFORMED.
 */
LK_MUST_USE lk_result lk_msg_find(struct lk_bytes bytes, unsigned field, struct lk_bytes *whole, struct lk_bytes *run);

#endif
