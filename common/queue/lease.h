/* lease - a worker's registration on a queue: register, renew, deregister, reap, audit.
 *
 * A struct lease is one registration of one process on one queue: its name W is P.generation and is
 * never used twice. Fixed after lease_init(); shared by the threads of its worker. Every call
 * blocks for one round trip. After a status other than ST_OK the outcome is unknown, and the call
 * may be repeated. */
#ifndef DARG_QUEUE_LEASE_H
#define DARG_QUEUE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "queue/keys.h"
#include "redis/conn.h"

enum { LEASE_NAME_MAX = 160, LEASE_SCORE_MAX = 31 };

/* The version of docs/protocol.md that this program speaks; a process publishes it in its info
 * hash. */
enum { LEASE_PROTOCOL = 2 };

struct lease {
    const struct queue *queue;       /* borrowed */
    char worker[LEASE_NAME_MAX + 1]; /* W */
    char *claimed;                   /* key of the hash of what W holds */
};

void lease_init(struct lease *lease, const struct queue *queue, const char *process,
                uint64_t generation);
void lease_fini(struct lease *lease);

/* W: P.generation. */
void lease_name(const char *process, uint64_t generation, char out[LEASE_NAME_MAX + 1]);

/* P for this process: host, pid and random bits. */
void lease_process_name(char out[LEASE_NAME_MAX + 1]);

/* The last drain of the queue that a process knows of; zeroed before its first registration. */
struct lease_drain {
    bool is_known;
    char name[LEASE_SCORE_MAX + 1]; /* as scripts answer it; only they compare it; "": none */
};

/* Registers. age_ms: how long ago the worker (its supervisor) was started. *now_ms: server time.
 * LEASE_DRAINED: a drain has ended since *known, or since the start if none is known yet. After
 * that, and once registered, *known is the last drain. LEASE_FENCED: the name is being reaped or
 * has left, and never returns: take another. */
enum lease_register { LEASE_REGISTERED, LEASE_DRAINED, LEASE_FENCED };
MUST_CHECK enum status lease_register(struct conn *conn, const struct lease *lease, int64_t age_ms,
                                      struct lease_drain *known, enum lease_register *outcome,
                                      int64_t *now_ms, struct err *err);

/* *known: what a script answered as the last drain. */
void lease_know_drain(struct lease_drain *known, struct slice name);

enum {
    LEASE_WINDOW = 100,
    LEASE_FENCED_MAX = 10,
    LEASE_ORDERS_MAX = 3,
    LEASE_ORDER_MAX = 15,
    LEASE_CANCEL_MAX = 50,
};

struct lease_peer {
    char worker[LEASE_NAME_MAX + 1];
    char score[LEASE_SCORE_MAX + 1]; /* as Redis writes it: only ever compared */
};

/* What a renewal asks for besides the queue's own state. */
struct lease_ask {
    int64_t window_start; /* rank in the registry of the first of LEASE_WINDOW peers */
    /* Shutdown keys beside the queue's, up to LEASE_ORDERS_MAX - 1. They are in other slots: a
     * cluster answers ST_CLUSTER. */
    const char *const *order_keys;
    size_t order_key_count;
};

/* What it answers. */
struct lease_state {
    bool is_registered;
    int64_t now_ms;      /* server time */
    int64_t next_due_ms; /* of `scheduled`; QUEUE_NEVER: nothing scheduled */
    int64_t inbox_count;
    int64_t suspect_count; /* waiting jobs that were running when a worker died */
    /* Words of the shutdown keys, the queue's first; "" if unset, cut if longer. */
    char orders[LEASE_ORDERS_MAX][LEASE_ORDER_MAX + 1];
    int64_t worker_count;
    struct lease_peer peers[LEASE_WINDOW]; /* the asked-for window of the registry */
    size_t peer_count;
    char fenced[LEASE_FENCED_MAX][LEASE_NAME_MAX + 1]; /* workers not yet fully reaped */
    size_t fenced_count;
    char cancelled[LEASE_CANCEL_MAX][JOB_ID_MAX + 1]; /* ids of jobs to be stopped */
    size_t cancelled_count;
};
MUST_CHECK enum status lease_renew(struct conn *conn, const struct lease *lease,
                                   const struct lease_ask *ask, struct lease_state *state,
                                   struct err *err);

/* Which of a dead worker's jobs are charged with a crash: the one that killed it while it was
 * reading it, or else those that were running, if that is known. */
struct lease_blame {
    bool is_known;          /* false: nobody knows, and all are blamed */
    bool has_open_claim;    /* it died between sending a claim and reading its jobs */
    int64_t open_base;      /* of that claim: if it brought one job, that one is to blame */
    const int64_t *numbers; /* claim numbers of the jobs that were running */
    size_t count;
};

enum lease_reap { LEASE_REAP_ALIVE, LEASE_REAP_GONE, LEASE_REAP_ENDED, LEASE_REAP_MORE };

struct lease_reaped {
    enum lease_reap outcome; /* LEASE_REAP_MORE: call again */
    int64_t moved;           /* jobs that this step returned to the queue */
    int64_t suspects;        /* that wait now; set if something was moved */
};

/* Recovers what the dead `worker` held, in one bounded step. The first step records whom it blames;
 * later steps go by that record, whichever worker makes them. seen_score: the score it was seen
 * with, as Redis wrote it; NULL if it is known to be dead. */
MUST_CHECK enum status lease_reap(struct conn *conn, const struct queue *queue, const char *worker,
                                  const char *seen_score, const struct lease_blame *blame,
                                  struct lease_reaped *answer, struct err *err);

/* Names of the registered workers of `process` (P.*), dead or alive, each followed by a NUL in
 * *names. */
MUST_CHECK enum status lease_find_process(struct conn *conn, const struct queue *queue,
                                          const char *process, struct buf *names, size_t *count,
                                          struct err *err);

/* A clean exit: releases everything still held (started: numbers of those that were started, in any
 * order) and leaves the registry. *is_registered false: the lease was lost, and its jobs are left
 * to a reaper. Repeats until nothing is left. */
MUST_CHECK enum status lease_deregister(struct conn *conn, const struct lease *lease,
                                        const int64_t *started, size_t started_count,
                                        bool *is_registered, int64_t *released, struct err *err);

/* The claim numbers recorded as held by W, as Redis has them. The caller frees *numbers. */
MUST_CHECK enum status lease_held(struct conn *conn, const struct lease *lease, int64_t **numbers,
                                  size_t *count, struct err *err);

#endif
