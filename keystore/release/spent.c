/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/release/spent.h"

#include "proto/seal/hash.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct lk_use {
    uint8_t ticket[32]; /* SHA-256; first: the tree's key */
    int64_t expiry;
    unsigned refusals;
    bool taken, answered;
    uint8_t statement[64];
    uint8_t *answer;
    size_t answer_len, room;
    struct lk_use *next;
};

struct lk_spent {
    void *tree;
    struct lk_use *all;
    size_t n, max, bytes, max_bytes;
};

static int by_ticket(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

struct lk_spent *lk_spent_new(size_t max_tickets, size_t max_bytes)
{
    struct lk_spent *s = calloc(1, sizeof(*s));
    if (s != NULL) {
        s->max = max_tickets;
        s->max_bytes = max_bytes;
    }
    return s;
}

static void use_free(struct lk_use *u)
{
    free(u->answer);
    free(u);
}

static void keep_node(void *node)
{
    (void)node; /* the list frees it */
}

void lk_spent_free(struct lk_spent *s)
{
    if (s == NULL)
        return;
    tdestroy(s->tree, keep_node);
    for (struct lk_use *u = s->all, *next; u != NULL; u = next) {
        next = u->next;
        use_free(u);
    }
    free(s);
}

/* Of what the challenge MAC covers, and that MAC: what follows is for verifiers, and the keeper does not check it. */
static lk_result ticket_key(const struct lk_ticket *t, uint8_t key[static 32])
{
    return lk_sha256(LK_PARTS(lk_bytes(t->bytes, LK_TICKET_LEN - LK_TICKET_ADMISSION_LEN)), key);
}

static lk_result find(const struct lk_spent *s, const struct lk_ticket *t, struct lk_use **use)
{
    uint8_t key[32];
    *use = NULL;
    LK_TRY(ticket_key(t, key));
    struct lk_use *const *found = tfind(key, &s->tree, by_ticket);
    if (found != NULL)
        *use = *found;
    return LK_OK;
}

static lk_result make(struct lk_spent *s, size_t max, const struct lk_ticket *t, int64_t expiry, struct lk_use **use)
{
    LK_TRY(find(s, t, use));
    if (*use != NULL)
        return LK_OK;
    LK_REQUIRE(s->n < max, OVERLOAD);
    struct lk_use *u = calloc(1, sizeof(*u));
    LK_REQUIRE(u != NULL, OVERLOAD);
    u->expiry = expiry;
    if (!lk_ok(ticket_key(t, u->ticket)) || tsearch(u, &s->tree, by_ticket) == NULL) {
        free(u);
        return LK_FAIL(OVERLOAD);
    }
    u->next = s->all;
    s->all = u;
    s->n++;
    *use = u;
    return LK_OK;
}

lk_result lk_spent_look(const struct lk_spent *s, const struct lk_ticket *t, const uint8_t statement[static 64],
                        struct lk_use **use, struct lk_bytes *answer)
{
    *answer = LK_BYTES_NONE;
    LK_TRY(find(s, t, use));
    if (*use == NULL)
        return LK_OK;
    if ((*use)->taken) {
        LK_REQUIRE(lk_bytes_eq(lk_bytes(statement, 64), LK_BYTES((*use)->statement)), TICKET_SPENT);
        LK_REQUIRE((*use)->answered && (*use)->answer != NULL, OVERLOAD);
        *answer = lk_bytes((*use)->answer, (*use)->answer_len);
        return LK_OK;
    }
    return (*use)->refusals < LK_TICKET_REFUSALS ? LK_OK : LK_FAIL(TICKET_EXHAUSTED);
}

lk_result lk_spent_refuse(struct lk_spent *s, const struct lk_ticket *t, int64_t expiry)
{
    struct lk_use *u;
    LK_TRY(make(s, s->max - s->max / 2, t, expiry, &u)); /* refusals cost a stranger nothing: half is for releases */
    u->refusals++;
    return LK_OK;
}

lk_result lk_spent_take(struct lk_spent *s, const struct lk_ticket *t, int64_t expiry,
                        const uint8_t statement[static 64], size_t room, struct lk_use **use)
{
    LK_REQUIRE(room <= s->max_bytes && s->bytes <= s->max_bytes - room, OVERLOAD);
    LK_TRY(make(s, s->max, t, expiry, use));
    LK_REQUIRE(!(*use)->taken, TICKET_SPENT);
    (*use)->taken = true;
    (*use)->answered = false;
    (*use)->room = room;
    memcpy((*use)->statement, statement, 64);
    s->bytes += room;
    return LK_OK;
}

void lk_spent_answered(struct lk_spent *s, struct lk_use *use, struct lk_bytes answer)
{
    use->answered = true;
    s->bytes -= use->room;
    use->room = 0;
    if (answer.len == 0 || answer.len > s->max_bytes - s->bytes)
        return;
    use->answer = malloc(answer.len);
    if (use->answer == NULL)
        return;
    memcpy(use->answer, answer.data, answer.len);
    use->answer_len = use->room = answer.len;
    s->bytes += answer.len;
}

void lk_spent_give_back(struct lk_spent *s, struct lk_use *use)
{
    s->bytes -= use->room;
    use->room = 0;
    use->taken = false;
    use->refusals++;
}

void lk_spent_sweep(struct lk_spent *s, int64_t now)
{
    for (struct lk_use **at = &s->all; *at != NULL;) {
        struct lk_use *u = *at;
        bool in_flight = u->taken && !u->answered;
        if (u->expiry >= now || in_flight) {
            at = &u->next;
            continue;
        }
        *at = u->next;
        tdelete(u, &s->tree, by_ticket);
        s->bytes -= u->room;
        s->n--;
        use_free(u);
    }
}

size_t lk_spent_count(const struct lk_spent *s)
{
    return s->n;
}
