/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BENCH_LOGS_H
#define LK_BENCH_LOGS_H
/* What replaying logs costs, beside the bare hashing of the same bytes. */
#include <stddef.h>

/* CPU seconds for a log of n entries: all of its replay, and its hashes alone. */
struct bench_replay {
    double replay, bare;
    size_t bytes; /* of the log */
};

/* A crypto-agile event log in SHA-256, into PCRs. */
struct bench_replay bench_eventlog(size_t n);
/* A binary IMA list of template ima-ng, into PCR 10 in SHA-256: each entry's template hash, its digest, the register. */
struct bench_replay bench_ima(size_t n);

#endif
