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
}; /* reap calls in one tick, the rest in the next: renewing must not wait */

/* What the keeper knows of one queue. */
struct ward {
    struct fetcher *fetcher;
    struct watch *watch;
    int64_t due_ms;       /* monotonic: when the next scheduled job is due; QUEUE_NEVER: none */
    int64_t window_start; /* rank in the registry at which the next look begins */
    bool had_inbox;       /* the inbox was not empty at the last tick */
    int64_t tend_ms;      /* monotonic: when to tend it next */
    bool is_listed;       /* the queue's name is in the set of names */
    struct lease_state *state; /* reply to the last renewal that succeeded */
    bool is_renewed;           /* in this tick */
    int64_t compared_ms;       /* monotonic: when protocols were last compared; 0: not yet */
    size_t next_peer;          /* index in the window of the next worker to compare */
    struct buf told;           /* the last report of running jobs; empty: none */
    int64_t told_ms;           /* monotonic: when it was written */
    bool has_met_newer;        /* a worker with a newer protocol; logged once */
};

/* How far the keeper has got with the names of all queues. */
struct keeper_names {
    enum { KEEPER_NAMES_REST, KEEPER_NAMES_LISTED, KEEPER_NAMES_IDLE } step;
    char cursor[NAMES_CURSOR_SIZE];
    int64_t next_ms; /* monotonic: when it asks for its next turn; 0: not set yet */
};

struct keeper {
    struct keeper_options options; /* fixed after start */
    struct wake stop;              /* set by keeper_stop() */
    pthread_t thread;
    /* The rest belongs to the keeper's thread. */
    struct conn *conn;
    char *order_keys[2];     /* the shutdown keys for all workers and for this process */
    struct orders orders;    /* what they hold */
    bool has_orders;         /* `orders` was read in this tick */
    bool is_cluster;         /* order_keys cannot be read together with a queue's keys */
    char refused_order[16];  /* the last unknown word that was complained about */
    bool *is_dead_reaped;    /* of options.dead */
    int64_t published_ms;    /* monotonic; 0: not yet */
    char published_busy[24]; /* busy threads at that time */
    bool has_seen_policy;    /* the server's eviction policy */
    struct outage outage;
    bool has_failed;        /* something has failed since the last tick began */
    int reaps_left;         /* reap calls still allowed in this tick */
    bool has_clock;         /* clock_least_ms is set */
    int64_t clock_least_ms; /* lower bound of server clock minus monotonic clock */
    struct keeper_names names;
    struct ward wards[];
};

/* Reports that a call failed. */
void keeper_note_failure(struct keeper *self, const char *what, const struct err *err);

/* For the jobs of a queue (keeper_jobs.c): note when the next job is due; promote due jobs; move
 * jobs that have been in the inbox for two ticks; trim the dead set. */
void keeper_note_due(struct ward *ward, int64_t next_due_ms, int64_t server_ms);
void keeper_promote(struct keeper *self, struct ward *ward, const struct session *session);
void keeper_empty_inbox(struct keeper *self, struct ward *ward, const struct queue *queue);
void keeper_tend(struct keeper *self, struct ward *ward, const struct queue *queue);

/* Logs if the server's clock was set back. server_ms: its time, in the reply to a request sent at
 * sent_ms. */
void keeper_watch_clock(struct keeper *self, int64_t server_ms, int64_t sent_ms);

/* Checks the window of the registry that came with the renewal, and reaps workers whose lease has
 * expired (keeper_reap.c). */
void keeper_watch_peers(struct keeper *self, struct ward *ward, const struct lease *own);

/* Every 10 s, however often it is called: compares the protocols of some of the window's workers,
 * and logs if one is newer (keeper_protocol.c). */
void keeper_compare_protocols(struct keeper *self, struct ward *ward);

/* Stops running jobs whose ids the renewal returned as cancelled, and marks those that are held but
 * not running yet (keeper_running.c). */
void keeper_stop_cancelled(struct keeper *self, struct ward *ward, struct session *session);

/* Reports to Redis which jobs have been running for long, and how far they are
 * (keeper_running.c). */
void keeper_tell_running(struct keeper *self, struct ward *ward, const struct session *session);

/* Adds the queue to the set of queue names, once (keeper_names.c). */
void keeper_list_queue(struct keeper *self, struct ward *ward);

/* A step of looking after that set: removes queues that have been empty for a day, adds those in
 * use. Mostly there is nothing to do. */
void keeper_look_after_names(struct keeper *self);

/* Reaps the processes that the supervisor knows to be dead, and reports each to it. */
void keeper_reap_dead(struct keeper *self);

#endif
