/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_RING_H
#define LK_SUPERVISOR_RING_H
/*
 * The processes of the ring, and the rules by which they are started, wired and
 * replaced (proto/link/descriptors.h). It reads no secret and no request: it holds
 * pids, control links, and the ends of links that it hands on.
 *
 *     lk_ring_start          token, keeper, front
 *     lk_ring_frames         a control link is readable
 *     lk_ring_reaped         a process has ended
 *     lk_ring_tick           time has passed: what is due is started again or killed
 *     lk_ring_drain          SIGTERM: front first, then keeper, then the rest
 */
#include "broker/supervisor/backoff.h"
#include "broker/supervisor/config.h"
#include "broker/supervisor/relay.h"
#include "proto/link/frame.h"
#include "proto/link/messages.h"

enum lk_role_of { LK_CHILD_TOKEN, LK_CHILD_KEEPER, LK_CHILD_FRONT, LK_CHILD_WORKER, LK_CHILD_KINDS };

struct lk_child {
    struct lk_child *next;
    enum lk_role_of kind;
    pid_t pid;
    uint64_t started_ms;
    uint64_t kill_ms;        /* SIGKILL when this time has come; 0: never */
    bool ready;              /* keeper, front: said CTL_READY; worker: the keeper said CTL_WORKER_UP */
    bool tired;              /* worker: its replacement takes its place */
    bool leaving;            /* its end is expected */
    struct lk_relay log;
    struct lk_chan *control; /* keeper, front */
    uint32_t worker;         /* workers: number, generation, class, and the front's end of the request link while it waits */
    enum lk_worker_class cls;
    uint64_t generation;
    int front_end;
};

struct lk_generation {
    bool present;
    bool dead; /* pending: a worker ended while it loaded; what the keeper says next decides */
    struct lk_msg_snapshot snapshot;
    int memfd;
};

struct lk_ring {
    const struct lk_config *config;
    int listeners[LK_CONFIG_LISTEN_MAX];
    size_t n_listeners;
    struct lk_child *children; /* all that have not been reaped */
    struct lk_child *token, *keeper, *front; /* NULL while there is none */
    struct lk_generation active, pending;
    uint32_t last_worker;
    struct lk_backoff backoff[LK_CHILD_KINDS];
    uint64_t start_ms[LK_CHILD_KINDS]; /* when to start it again; 0: nothing to start */
    bool was_ready;      /* READY=1 was sent */
    bool starting_over;  /* the keeper died: all must be gone before all is started */
    bool failed;         /* a process cannot come up, now or again: give up */
    int exit_code;       /* when failed: 1, or LK_EXIT_NO_USE */
    char why[512];       /* when failed: the program and its last error */
    unsigned broken;     /* how often a process broke the rules or hung */
    uint64_t drain_ms;   /* 0, or when draining ends by force */
    char health[480];    /* what the front was told last */
};

LK_MUST_USE lk_result lk_ring_init(struct lk_ring *r, const struct lk_config *c);
LK_MUST_USE lk_result lk_ring_start(struct lk_ring *r);
void lk_ring_frames(struct lk_ring *r, struct lk_child *c);
void lk_ring_reaped(struct lk_ring *r, pid_t pid, int status);
void lk_ring_tick(struct lk_ring *r, uint64_t now_ms);
/* The next time at which lk_ring_tick has something to do; UINT64_MAX: never. */
uint64_t lk_ring_due(const struct lk_ring *r);
void lk_ring_reload(struct lk_ring *r, const struct lk_config *c);
void lk_ring_drain(struct lk_ring *r);
/* Kills what is left, at once. */
void lk_ring_kill(struct lk_ring *r);
/* True when draining or failed and every process has been reaped. */
bool lk_ring_gone(const struct lk_ring *r);

/* ---- between the files of the ring ---- */

const char *lk_child_program(enum lk_role_of kind);
void lk_child_kill(struct lk_child *c);
lk_result lk_start_token(struct lk_ring *r);
lk_result lk_start_keeper(struct lk_ring *r);
lk_result lk_start_front(struct lk_ring *r);
lk_result lk_start_worker(struct lk_ring *r, const struct lk_generation *g, enum lk_worker_class cls);
/* Sends the front the waiting ends of the active generation's workers. */
void lk_give_workers(struct lk_ring *r);
/* New sockets between keeper and front, for answers and for admin requests. */
lk_result lk_wire_front(struct lk_ring *r);
lk_result lk_send_front_settings(struct lk_ring *r);
lk_result lk_send_keeper_settings(struct lk_ring *r);
/* Writes a control frame; the process is ended when that fails. */
void lk_tell(struct lk_child *to, uint16_t type, struct lk_bytes payload, int pass);
void lk_tell_u32(struct lk_child *to, uint16_t type, uint32_t v);
void lk_tell_u64(struct lk_child *to, uint16_t type, uint64_t v);
/* All of a class that are running and not about to be replaced; or those of them that have loaded their snapshot. */
size_t lk_workers_of(const struct lk_ring *r, uint64_t generation, enum lk_worker_class cls, bool ready);
/* Starts the workers that the generations lack, and gives the front those that have come up. */
lk_result lk_fill_workers(struct lk_ring *r);
/* The same at the next tick, with the back-off if it fails. */
void lk_fill_later(struct lk_ring *r);
/* A worker of the pending generation cannot be: its others end, and the keeper is told. */
void lk_pending_failed(struct lk_ring *r, const char *text);
void lk_end_generation(struct lk_ring *r, struct lk_generation *g);
void lk_kill_workers(struct lk_ring *r, uint64_t generation);
void lk_ring_health(struct lk_ring *r);

#endif
