/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t lk_clock_wall(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec;
}

uint64_t lk_clock_mono_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Parsing accepts exactly what formatting gives, so no field can be out of range. */
bool lk_time_parse(const char *rfc3339, int64_t *out)
{
    struct tm tm = {0};
    int end = 0;
    if (sscanf(rfc3339, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &end) != 6 || end != 20 || rfc3339[20] != '\0')
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t t = timegm(&tm);
    char again[32];
    lk_time_format(t, again, sizeof(again));
    if (t < 0 || strcmp(again, rfc3339) != 0)
        return false;
    *out = t;
    return true;
}

void lk_time_format(int64_t t, char *out, size_t out_size)
{
    time_t when = (time_t)t;
    struct tm tm;
    if (out_size == 0)
        return;
    if (gmtime_r(&when, &tm) == NULL || strftime(out, out_size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        out[0] = '\0';
}
