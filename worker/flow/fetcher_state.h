/* fetcher_state - what the parts of the fetcher share: its state, and how it rests. Included by
 * fetcher*.c only. */
#ifndef DARG_WORKER_FLOW_FETCHER_STATE_H
#define DARG_WORKER_FLOW_FETCHER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "queue/drain.h"
#include "worker/flow/fetcher.h"
#include "worker/flow/outage.h"

struct fetcher {
    struct fetcher_options options; /* fixed after start */
    pthread_t thread;
    struct wake wake;                 /* set to interrupt the thread's waiting */
    _Atomic int orders[VOICES];       /* enum order */
    _Atomic bool is_ready, has_ended; /* written by the thread */
    _Atomic int poppers;       /* at most once: popper threads that may hold a job of this queue */
    _Atomic bool is_closing;   /* at most once: an empty queue is about to be left */
    _Atomic bool has_suspects; /* claim at once instead of waiting for jobs */
    _Atomic bool is_draining;  /* written by the thread, and by poppers that met the sentinel */

    pthread_mutex_t lock;
    struct session *registered; /* under lock: what fetcher_session() returns */

    /* The rest belongs to the thread, and to fetcher_leave() once it is joined. */
    struct conn *conn;
    struct session *session; /* NULL: none is open */
    uint64_t generation;     /* of the last session opened; part of its name */
    bool is_registered;
    bool may_be_registered; /* or the reply that would say so was lost */
    int64_t base;           /* number of the last job claimed; never restarts */
    struct request claim;   /* the open claim */
    bool is_claim_open;
    int64_t granted; /* by the room, for the open claim; 0 once given back */
    int64_t asked;   /* jobs that the open claim asks for */
    int cuts;        /* how often in a row its reply was cut off */
    /* Asked for now: less than in options after such cuts; 1: a single job. */
    int64_t max_bytes;
    int alone; /* claims of a single job in a row whose replies were cut off */
    /* Monotonic: when the beginning of such a job arrived; 0: not in the last claim. */
    int64_t short_ms;
    int64_t eased_ms;      /* monotonic: when max_bytes last changed */
    bool must_release;     /* give back what the open claim took: its reply does not get through */
    int64_t careful_left;  /* jobs still to be claimed one by one */
    uint64_t audited_link; /* conn_generation() at the last audit */
    int64_t audited_ms;    /* monotonic: when that was */
    uint64_t taken_seen;   /* ring_taken() at the last progress of the pool */
    int64_t taken_ms;      /* monotonic: when that was seen */
    struct outage outage;
    struct lease_drain known_drain; /* the last drain that Redis has told of */
    struct drain_look look;         /* of a drain that waits for retries */
    uint64_t look_link;             /* conn_generation() at its beginning */
    int64_t look_rest_ms;           /* pause before its next step */
    bool has_drained;               /* since the process started */
    bool is_reentering;             /* drained: deregister, then register again */
    bool is_leaving;                /* ends after this step */
};

/* What fetcher_session() returns from now on; NULL: none. */
void fetcher_publish(struct fetcher *self, struct session *session);

/* True if connected and registered, so that the next step can be taken. Otherwise it has paused. */
bool fetcher_get_ready(struct fetcher *self);

/* Sleeps until woken, at most timeout_ms. */
void fetcher_rest(struct fetcher *self, int64_t timeout_ms);

/* After a failed call: reports it, and waits until it makes sense to try again. After one that went
 * well: ends the outage. */
void fetcher_await_retry(struct fetcher *self, const char *what, const struct err *err);
void fetcher_note_success(struct fetcher *self);

/* Gives back jobs that Redis lists as held by this worker but that this process does not know: a
 * server that lost its last second can bring back entries that it had acknowledged as gone. Never
 * while a claim is open. */
void fetcher_audit(struct fetcher *self);

/* Gives back what an open claim took whose reply does not get through; the claim is then sent
 * again, for less. False: not yet. */
bool fetcher_release_claimed(struct fetcher *self);

/* The queue was found empty: decides to leave, unless jobs of this worker may still come back. */
void fetcher_leave_if_empty(struct fetcher *self, int64_t next_due_ms, int64_t now_ms);

/* One step of a fetcher that is ready (fetcher_claim.c, fetcher_drain.c). */
void fetcher_claim_step(struct fetcher *self);
void fetcher_drain_step(struct fetcher *self);
void fetcher_idle_step(struct fetcher *self); /* at most once: the poppers fetch */
void fetcher_start_draining(struct fetcher *self);
void fetcher_reenter_step(struct fetcher *self);
void fetcher_retire_step(struct fetcher *self);

/* The queue is drained. The fetcher leaves once all queues of the process are; until then it serves
 * the queue again, as a worker started now would. */
void fetcher_note_drained(struct fetcher *self);

/* No other thread can get the session from now on. */
void fetcher_withdraw(struct fetcher *self);
/* Lets go of the session: the next step opens another under the next name. */
void fetcher_drop_session(struct fetcher *self);

/* Pause after errors that only a person can fix, and between looks when quiet. */
enum { FETCHER_PAUSE_MS = 1000 };

/* Gives back jobs that wait here for a thread in vain: another worker may have a free one. */
void fetcher_give_back_if_stuck(struct fetcher *self);
/* Claims nothing, but takes part in a drain. */
void fetcher_quiet_step(struct fetcher *self);

/* How often to check on jobs that wait for a thread. */
enum { FETCHER_STUCK_LOOK_MS = 10 };

#endif
