/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GUEST_COLLECTORS_FRAME_H
#define LK_GUEST_COLLECTORS_FRAME_H
/*
 * Framing of the collector protocol (docs/collector-protocol.md): u32 big-endian
 * length, then as many bytes. For both sides: latchkey-fetch and collectors.
 */
#include "proto/base/buffer.h"

#define LK_COLLECTOR_FRAME_MAX (4U * 1024 * 1024)

/*
 * Reads one message into out (emptied first; its max is at least LK_COLLECTOR_FRAME_MAX, the caller
 * frees or wipes it). deadline is in milliseconds of lk_clock_mono_ms, 0 for none.
 * FRAME_CLOSED at the end of input before the first byte; SHORT_INPUT when it ends inside a message;
 * TOO_LARGE for a length of 0 or over the maximum; DEADLINE; IO.
 */
LK_MUST_USE lk_result lk_collector_read(int fd, uint64_t deadline, struct lk_buf *out);

/* Writes one message of 1 to LK_COLLECTOR_FRAME_MAX bytes. TOO_LARGE, DEADLINE, IO (also when nobody reads). */
LK_MUST_USE lk_result lk_collector_write(int fd, uint64_t deadline, struct lk_bytes message);

#endif
