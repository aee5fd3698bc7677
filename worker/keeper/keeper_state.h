/* keeper_state - what the parts of the keeper share. Included by keeper*.c only. */
#ifndef DARG_WORKER_KEEPER_KEEPER_STATE_H
#define DARG_WORKER_KEEPER_KEEPER_STATE_H

#include <pthread.h>

#include "queue/names.h"
#include "queue/orders.h"
#include "worker/flow/outage.h"
#include "worker/keeper/keeper.h"
#include "worker/keeper/watch.h"
#include "worker/shared/wake.h"

enum {
    KEEPER_REAP_STEPS = 50
}; /* reap calls in one tick; the rest in the next: renewing must not wait */

/* What the keeper knows of one queue. */
struct ward {
    struct fetcher *fetcher;
    struct watch *watch;
    int64_t due_ms;       /* monotonic: when the next scheduled job is due; QUEUE_NEVER: none */
    int64_t window_start; /* rank at which the next look at the registry begins */
    bool had_inbox;       /* something lay in the inbox at the last tick */
    int64_t tend_ms;      /* monotonic: when it is to be tended next */
    bool is_listed;       /* the queue's name is in the set of names */
    struct lease_state *state; /* what the last renewal answered */
    bool is_renewed;           /* in this tick */
    int64_t compared_ms;       /* monotonic: when protocols were looked at; 0: not yet */
    size_t next_peer;          /* whose protocol is looked at next, in the window's order */
    struct buf told;           /* what was last told of the jobs that run; empty: nothing */
    int64_t told_ms;           /* monotonic: when */
    bool has_met_newer;        /* a worker that speaks a newer one; said once */
};

/* How far the keeper is with the names of all queues. */
struct keeper_names {
    enum { KEEPER_NAMES_REST, KEEPER_NAMES_LISTED, KEEPER_NAMES_IDLE } step;
    char cursor[NAMES_CURSOR_SIZE];
    int64_t next_ms; /* monotonic: when it asks for its next turn; 0: not set yet */
};

struct keeper {
    struct keeper_options options; /* fixed after start */
    struct wake stop;
    pthread_t thread;
    /* The thread's own: */
    struct conn *conn;
    char *order_keys[2];    /* the shutdown keys of no queue: of all workers, of this process */
    struct orders orders;   /* what they hold */
    bool has_orders;        /* in this tick */
    bool is_cluster;        /* they cannot be asked for together with a queue's things */
    char refused_order[16]; /* the last nonsense that was complained about */
    bool *is_dead_reaped;   /* of options.dead */
    int64_t published_ms;
    char published_busy[24]; /* how many threads were, then */
    bool has_seen_policy;    /* of eviction */
    struct outage outage;
    bool has_failed; /* anything, since the last tick began */
    int reaps_left;  /* in this tick */
    bool has_clock;
    int64_t clock_least_ms; /* the server's clock less the monotonic one was at least this */
    struct keeper_names names;
    struct ward wards[];
};

/* Says that a call failed. */
void keeper_note_failure(struct keeper *self, const char *what, const struct err *err);

/* For the jobs of a queue (keeper_jobs.c): sets when the next is due; promotes those that are;
 * moves what lies in the inbox for the second tick; trims the dead set. */
void keeper_note_due(struct ward *ward, int64_t next_due_ms, int64_t server_ms);
void keeper_promote(struct keeper *self, struct ward *ward, const struct session *session);
void keeper_empty_inbox(struct keeper *self, struct ward *ward, const struct queue *queue);
void keeper_tend(struct keeper *self, struct ward *ward, const struct queue *queue);

/* Says so if the server's clock was set back: server_ms is the answer to what was sent at sent_ms.
 */
void keeper_watch_clock(struct keeper *self, int64_t server_ms, int64_t sent_ms);

/* Looks at the window of the registry that the renewal answered, and reaps whose lease has run out
 * (keeper_reap.c). */
void keeper_watch_peers(struct keeper *self, struct ward *ward, const struct lease *own);

/* Every 10 s, however often it is called: looks at what some of the window's workers speak, and
 * says so if it is newer (keeper_protocol.c). */
void keeper_compare_protocols(struct keeper *self, struct ward *ward);

/* Stops the jobs whose ids the renewal answered, and marks those that are held but do not run yet
 * (keeper_running.c). */
void keeper_stop_cancelled(struct keeper *self, struct ward *ward, struct session *session);

/* Tells Redis which jobs run for long, and how far they are (keeper_running.c). */
void keeper_tell_running(struct keeper *self, struct ward *ward, const struct session *session);

/* Enters the queue into the set of queues' names, once (keeper_names.c). */
void keeper_list_queue(struct keeper *self, struct ward *ward);

/* A step of looking after that set: queues that have been empty for a day leave it, those that are
 * in use come back. Mostly nothing. */
void keeper_look_after_names(struct keeper *self);

/* Reaps the processes that the supervisor knows to be dead, and tells it. */
void keeper_reap_dead(struct keeper *self);

#endif
