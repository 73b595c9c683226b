/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/store/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct lk_job *first, **last;
};

struct lk_writer {
    struct lk_store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct queue waiting, finished;
    size_t open; /* submitted, not reaped */
    bool stop;
    int fd;
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_push(struct queue *q, struct lk_job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}

static lk_result run_one(struct lk_store *s, struct lk_job *job)
{
    struct lk_txn *t;
    LK_TRY(lk_store_begin(s, &t));
    lk_result r = job->apply(job->arg, t);
    if (lk_ok(r))
        return lk_txn_commit(t);
    lk_txn_abort(t);
    return r;
}

/* All in one transaction; false when one of them failed or the whole did not fit. */
static bool run_together(struct lk_store *s, struct lk_job *jobs)
{
    struct lk_txn *t;
    if (!lk_ok(lk_store_begin(s, &t)))
        return false;
    for (struct lk_job *j = jobs; j != NULL; j = j->next) {
        j->result = j->apply(j->arg, t);
        if (!lk_ok(j->result)) {
            lk_txn_abort(t);
            return false;
        }
    }
    return lk_ok(lk_txn_commit(t));
}

static void run_apart(struct lk_store *s, struct lk_job *jobs)
{
    for (struct lk_job *j = jobs; j != NULL; j = j->next)
        j->result = run_one(s, j);
}

/* Past the watermark only administrators write. */
static struct lk_job *keep_admins(struct lk_job *jobs, struct queue *out)
{
    struct queue admins;
    queue_init(&admins);
    for (struct lk_job *j = jobs, *next; j != NULL; j = next) {
        next = j->next;
        j->result = LK_FAIL(STORE_FULL);
        queue_push(j->admin ? &admins : out, j);
    }
    return admins.first;
}

static void run_batch(struct lk_writer *w, struct lk_job *jobs, struct queue *out)
{
    queue_init(out);
    if (!lk_store_room(w->store))
        jobs = keep_admins(jobs, out);
    if (jobs == NULL)
        return;
    if (!run_together(w->store, jobs))
        run_apart(w->store, jobs);
    for (struct lk_job *j = jobs, *next; j != NULL; j = next) {
        next = j->next;
        queue_push(out, j);
    }
}

static void publish(struct lk_writer *w, struct queue *batch)
{
    uint64_t one = 1;
    *w->finished.last = batch->first;
    w->finished.last = batch->last;
    ssize_t n = write(w->fd, &one, sizeof(one));
    (void)n; /* an eventfd that is full is readable already */
}

static void *writer_main(void *arg)
{
    struct lk_writer *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->waiting.first == NULL && !w->stop)
            pthread_cond_wait(&w->more, &w->lock);
        if (w->waiting.first == NULL)
            break;
        struct lk_job *jobs = w->waiting.first;
        struct queue batch;
        queue_init(&w->waiting);
        pthread_mutex_unlock(&w->lock);
        run_batch(w, jobs, &batch);
        pthread_mutex_lock(&w->lock);
        publish(w, &batch);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static bool start_thread(struct lk_writer *w)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals belong to the loop's thread */
    int rc = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0;
}

struct lk_writer *lk_writer_start(struct lk_store *s)
{
    struct lk_writer *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    w->store = s;
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    queue_init(&w->waiting);
    queue_init(&w->finished);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    if (w->fd >= 0 && start_thread(w))
        return w;
    if (w->fd >= 0)
        close(w->fd);
    free(w);
    return NULL;
}

int lk_writer_fd(const struct lk_writer *w)
{
    return w->fd;
}

void lk_writer_submit(struct lk_writer *w, struct lk_job *job)
{
    pthread_mutex_lock(&w->lock);
    queue_push(&w->waiting, job);
    w->open++;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

void lk_writer_reap(struct lk_writer *w)
{
    uint64_t count;
    ssize_t n = read(w->fd, &count, sizeof(count));
    (void)n; /* nothing to read means nothing new; the queue says the same */
    pthread_mutex_lock(&w->lock);
    struct lk_job *jobs = w->finished.first;
    queue_init(&w->finished);
    pthread_mutex_unlock(&w->lock);
    for (struct lk_job *j = jobs, *next; j != NULL; j = next) {
        next = j->next;
        pthread_mutex_lock(&w->lock);
        w->open--;
        pthread_mutex_unlock(&w->lock);
        j->done(j->arg, j->result); /* may free the job */
    }
}

bool lk_writer_idle(struct lk_writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool idle = w->open == 0;
    pthread_mutex_unlock(&w->lock);
    return idle;
}

void lk_writer_stop(struct lk_writer *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    lk_writer_reap(w);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    close(w->fd);
    free(w);
}
