/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_NOTIFY_H
#define LK_SUPERVISOR_NOTIFY_H
/* sd_notify(3): state to the service manager, when NOTIFY_SOCKET is set; nothing otherwise. */
#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...". */
void lk_notify(const char *state);
/* "RELOADING=1" with MONOTONIC_USEC, as Type=notify-reload wants it. */
void lk_notify_reloading(void);
/* How often to send WATCHDOG=1: half of WATCHDOG_USEC, in milliseconds; 0: never. */
uint64_t lk_notify_watchdog_ms(void);

#endif
