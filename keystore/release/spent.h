/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_RELEASE_SPENT_H
#define LK_RELEASE_SPENT_H
/*
 * What became of tickets, until they expire, in bounded memory. Full means unavailable, never forgotten: a ticket
 * that was spent stays spent.
 */
#include "proto/seal/ticket.h"

#define LK_TICKET_REFUSALS 4 /* verdicts that may refuse one ticket */

struct lk_spent;
struct lk_use; /* of one ticket; belongs to the table */

struct lk_spent *lk_spent_new(size_t max_tickets, size_t max_bytes);
void lk_spent_free(struct lk_spent *s);

/*
 * What this ticket was used for. *use is NULL when it was not yet. *answer is lent when the same statement was
 * answered. TICKET_SPENT (by another statement), TICKET_EXHAUSTED, OVERLOAD (the same statement is being answered right now).
 */
LK_MUST_USE lk_result lk_spent_look(const struct lk_spent *s, const struct lk_ticket *t,
                                    const uint8_t statement[static 64], struct lk_use **use, struct lk_bytes *answer);

/* Counts a refusal; a first one makes the entry. OVERLOAD when half of the table is full: the refusal stands, uncounted. */
LK_MUST_USE lk_result lk_spent_refuse(struct lk_spent *s, const struct lk_ticket *t, int64_t expiry);

/* Takes the ticket for a statement, with room for an answer of room bytes. OVERLOAD. */
LK_MUST_USE lk_result lk_spent_take(struct lk_spent *s, const struct lk_ticket *t, int64_t expiry,
                                    const uint8_t statement[static 64], size_t room, struct lk_use **use);
/* The answer for repeats, at most `room` bytes; copied. Without it (LK_BYTES_NONE) repeats are unavailable. */
void lk_spent_answered(struct lk_spent *s, struct lk_use *use, struct lk_bytes answer);
/* Nothing was released: the ticket is as before, with one more refusal. */
void lk_spent_give_back(struct lk_spent *s, struct lk_use *use);

/* Forgets what has expired before now. */
void lk_spent_sweep(struct lk_spent *s, int64_t now);
size_t lk_spent_count(const struct lk_spent *s);

#endif
