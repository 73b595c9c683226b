/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_FAMILIES_H
#define LK_TEST_FAMILIES_H
/*
 * Four families with roots of their own, simple enough that each rule of the engine
 * can fail alone:
 *
 *   board  like SNP: rooted; carries the binding (64); vouches a key that its guest chose, and a digest that it measured
 *   chip   like a TPM: rooted, or linked by the board's key; carries the binding (32); vouches the log's digest
 *   log    like an event log: linked by a digest of the chip; read only afterwards; no binding
 *   paper  like a certificate: linked by the board's measured digest; no binding
 */
#include "policy/evidence/family.h"

enum test_root { TEST_ROOTED = 1, TEST_LINKED = 0, TEST_FORGED = 2, TEST_EXPIRED = 3 };

/* Laid over nothing: written byte by byte by test_board() and read by a cursor. */
struct test_board {
    enum test_root root;
    uint8_t vmpl, debug, product, svn, flags, tcb[2];
    uint8_t measurement[4], key[4], digest[4], serial[4];
    uint8_t binding[64];
    uint8_t no_binding, no_serial;
};

struct test_chip {
    enum test_root root;
    uint8_t key[4], pcr0[4], pcr7[4], log[4], id[4];
    uint8_t binding[32];
};

#define TEST_BOARD_LEN 94
#define TEST_CHIP_LEN 53
void test_board_put(const struct test_board *b, uint8_t out[static TEST_BOARD_LEN]);
void test_chip_put(const struct test_chip *c, uint8_t out[static TEST_CHIP_LEN]);
/* A log is its digest (4 bytes), then a kernel (4 bytes); 0xee as its first kernel byte is malformed. */

/* The value of the board's claim "files": /usr/bin/a, /run/b and /opt/x/c, sha256 of 0a, 0b, 0c and zeros; "vendor" signed the last. */
extern const struct lk_member test_files[3];

/* How often a log was read: that it is read only after its parents' rules passed. */
extern int test_logs_read;

#endif
