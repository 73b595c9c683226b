/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_STORE_WRITER_H
#define LK_STORE_WRITER_H
/*
 * The one thread that writes: it commits whatever has gathered in one transaction (a durable commit costs the same
 * for one record as for a hundred), and only then are the jobs done.
 */
#include "keystore/store/store.h"

struct lk_job {
    /* Writer's thread; may run again in another transaction when a batch had to be split. */
    lk_result (*apply)(void *arg, struct lk_txn *t);
    /* Caller's thread, from lk_writer_reap: OK only when the data is durable. Jobs are applied in order of submission. */
    void (*done)(void *arg, lk_result r);
    void *arg;
    bool admin; /* may use the room past the watermark */
    /* the writer's own */
    lk_result result;
    struct lk_job *next;
};

struct lk_writer;

/* Starts the thread. The descriptor becomes readable when lk_writer_reap has something to do. NULL without memory. */
struct lk_writer *lk_writer_start(struct lk_store *s);
int lk_writer_fd(const struct lk_writer *w);
/* The job's memory belongs to the caller and must live until done. Never blocks on the disk. */
void lk_writer_submit(struct lk_writer *w, struct lk_job *job);
/* Calls done for each finished job. */
void lk_writer_reap(struct lk_writer *w);
/* True when nothing is queued or unreaped. */
bool lk_writer_idle(struct lk_writer *w);
/* Writes what is queued, joins the thread, reaps, frees. */
void lk_writer_stop(struct lk_writer *w);

#endif
