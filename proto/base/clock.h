/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_CLOCK_H
#define LK_BASE_CLOCK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds since 1970-01-01T00:00:00Z, by the system's wall clock. */
int64_t lk_clock_wall(void);

/* Milliseconds of the monotonic clock: deadlines between processes of one machine. */
uint64_t lk_clock_mono_ms(void);

/* "2026-11-21T10:00:00Z". Years 1970 to 9999. False when the text is anything else. */
bool lk_time_parse(const char *rfc3339, int64_t *out);

/* Writes the form above; out_size at least 21. */
void lk_time_format(int64_t t, char *out, size_t out_size);

#endif
