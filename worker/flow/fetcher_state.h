/* fetcher_state - what the four parts of the fetcher share: its state, and how it rests. Included
 * by fetcher*.c only. */
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
    struct wake wake;           /* set to make the thread look around */
    _Atomic int orders[VOICES]; /* enum order */
    _Atomic bool is_ready, has_ended;
    _Atomic int poppers;       /* at most once: popper threads that may hold a job of this queue */
    _Atomic bool is_closing;   /* at most once: an empty queue is about to be left */
    _Atomic bool has_suspects; /* the next claim is not to be waited for */
    _Atomic bool is_draining;  /* written by the thread, and by poppers that met the sentinel */

    pthread_mutex_t lock;
    struct session *registered; /* under lock: what fetcher_session() answers */

    /* The thread's own, and fetcher_leave()'s once it is joined: */
    struct conn *conn;
    struct session *session;
    uint64_t generation; /* of the session */
    bool is_registered;
    bool may_be_registered; /* the answer may have been lost */
    int64_t base;           /* number of the last job claimed; never restarts */
    struct request claim;   /* the open claim */
    bool is_claim_open;
    int64_t granted;       /* room held for it */
    int64_t asked;         /* jobs asked for by it */
    int cuts;              /* how often its answer was cut short, in a row */
    int64_t max_bytes;     /* asked for now: less than in options after such cuts */
    int alone;             /* claims of one job in a row that were cut short again and again */
    int64_t short_ms;      /* monotonic: when a job was got in short at last; 0: not lately */
    int64_t eased_ms;      /* monotonic: when less was asked for, or more again */
    bool must_release;     /* what the open claim has taken, as its answer does not get here */
    int64_t careful_left;  /* jobs still to be claimed one by one */
    uint64_t audited_link; /* conn_generation() at the last audit */
    int64_t audited_ms;
    uint64_t taken_seen; /* the tasks ring's progress, to see a stuck pool */
    int64_t taken_ms;
    struct outage outage;
    struct lease_drain known_drain;
    struct drain_look look; /* of a drain that waits for retries */
    uint64_t look_link;     /* conn_generation() at its beginning */
    int64_t look_rest_ms;   /* before the next step of it */
    bool has_drained;       /* since the process started */
    bool is_reentering;     /* drained: to deregister, and to register anew */
    bool is_leaving;
};

/* What fetcher_session() answers from now on; NULL: nothing. */
void fetcher_publish(struct fetcher *self, struct session *session);

/* True if the connection and the registration stand and the next step can be taken. */
bool fetcher_get_ready(struct fetcher *self);

/* Sleeps until something is to be looked at, at most timeout_ms. */
void fetcher_rest(struct fetcher *self, int64_t timeout_ms);

/* After a failed call: says so, and waits for another try to make sense. After one that went well:
 * ends the outage. */
void fetcher_await_retry(struct fetcher *self, const char *what, const struct err *err);
void fetcher_note_success(struct fetcher *self);

/* Gives back what Redis says is held and this process does not know: a server that lost its last
 * second can bring acknowledged entries back. Never while a claim is unanswered. */
void fetcher_audit(struct fetcher *self);

/* Gives back what an open claim has taken whose answer does not get here; it is then sent again,
 * for less. False: not yet. */
bool fetcher_release_claimed(struct fetcher *self);

/* The queue was found empty: decides to leave, unless jobs of its own may still come back now. */
void fetcher_leave_if_empty(struct fetcher *self, int64_t next_due_ms, int64_t now_ms);

/* One step of a fetcher that is ready (fetcher_claim.c, fetcher_drain.c). */
void fetcher_claim_step(struct fetcher *self);
void fetcher_drain_step(struct fetcher *self);
void fetcher_idle_step(struct fetcher *self); /* at most once: the poppers fetch */
void fetcher_start_draining(struct fetcher *self);
void fetcher_reenter_step(struct fetcher *self);
void fetcher_retire_step(struct fetcher *self);

/* The queue is drained. The fetcher leaves once all queues of the process are; until then it takes
 * the queue up again, as a worker started now would. */
void fetcher_note_drained(struct fetcher *self);

/* Nobody else may take the session from now on. */
void fetcher_withdraw(struct fetcher *self);
/* Lets go of the session: the next step opens another under the next name. */
void fetcher_drop_session(struct fetcher *self);

/* Pause after errors that only a person can mend, and between looks when quiet. */
enum { FETCHER_PAUSE_MS = 1000 };

/* Gives jobs back that wait here for a thread in vain: another worker may have one. */
void fetcher_give_back_if_stuck(struct fetcher *self);
/* Claims nothing, but takes part in a drain. */
void fetcher_quiet_step(struct fetcher *self);

/* How often to look after jobs that wait for a thread. */
enum { FETCHER_STUCK_LOOK_MS = 10 };

#endif
