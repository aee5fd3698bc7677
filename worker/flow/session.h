/* session - one registration of this process on one queue, and all the jobs it holds under it.
 *
 * The fetcher opens a session when it has registered and adds the batches it claims; a pool thread
 * runs a batch's tasks; the finisher retires them once Redis has acknowledged their end. The keeper
 * keeps the lease. When the lease is lost the session is marked as lost, every thread drops what
 * belongs to it, and the fetcher opens the next one under a new name. A session is freed when its
 * fetcher and all its batches have released it. */
#ifndef DARG_WORKER_FLOW_SESSION_H
#define DARG_WORKER_FLOW_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "queue/claim.h"
#include "queue/lease.h"
#include "queue/settle.h"
#include "worker/shared/wake.h"

/* How to settle a job that was run; made by the runner, read by the finisher. */
struct ending {
    enum settle_kind kind;
    bool was_started;      /* SETTLE_RELEASE: its handler had begun, which counts a run */
    int64_t delay_ms;      /* SETTLE_RETRY */
    bool is_whole;         /* the whole element is the original */
    struct slice original; /* the producer's bytes; points into the task's text */
    struct buf head;       /* SETTLE_RETRY, SETTLE_BURY: the new envelope, up to the original */
    struct buf told;       /* outcome for the producer that asked for it; empty: none did */
    int64_t replaced;      /* bytes of the result that were replaced by U+FFFD in `told` */
    char reply_name[JOB_REPLY_MAX + 1];
    char result_id[JOB_ID_MAX + 1];
    int64_t keep_ms;
};
void ending_free(struct ending *ending); /* NULL is fine */

enum task_state {
    TASK_WAITING, /* in the ring, not started */
    TASK_STARTED, /* with a pool thread, or ended and with the finisher */
    TASK_GONE,    /* settled and acknowledged, given back, or dropped */
};

/* One claimed job. Ownership passes along: ring, pool thread, ring, finisher. */
struct task {
    struct batch *batch;       /* fixed */
    struct claim_job job;      /* fixed; its text lies in the batch's claim */
    int64_t number;            /* fixed; claim number */
    _Atomic int state;         /* enum task_state; written by the owner */
    _Atomic bool is_cancelled; /* must not run; written by the keeper */
    struct ending *ending;     /* owner only; NULL: not ended, or simply done */
};

/* The jobs of one claim. Freed with the last of its tasks. */
struct batch {
    struct session *session;
    struct claim claim;         /* fixed */
    int64_t claimed_ms;         /* fixed; monotonic */
    _Atomic size_t remaining;   /* tasks not gone */
    struct batch *next, **back; /* under session->lock */
    size_t count;               /* fixed */
    struct task tasks[];
};

struct session {
    struct lease lease;              /* fixed after start */
    size_t slot;                     /* fixed; rank of its queue in this process */
    uint64_t generation;             /* fixed; part of the lease's name */
    bool is_at_most_once;            /* fixed; its jobs were popped: Redis knows nothing of them */
    _Atomic bool is_lost;            /* the lease is gone; never reset */
    _Atomic int64_t renewed_ms;      /* monotonic: when the last renewal that succeeded was sent */
    _Atomic int64_t server_ahead_ms; /* server time minus monotonic time */
    _Atomic size_t held;             /* tasks not gone */
    _Atomic bool is_awaited;         /* set by its fetcher: wake it when the next task goes */
    _Atomic int64_t popped;          /* number of the last job popped */
    _Atomic bool must_audit; /* the result of a release is unknown: its fetcher must compare */
    _Atomic int references;
    /* Fixed; set when held becomes 0 or the lease is lost; see also is_awaited. */
    struct wake *emptied;
    pthread_mutex_t lock;
    struct batch *batches; /* under lock */
};

/* At most once: takes over the reply of a pop, which holds the job's text, as a batch of one
 * task. */
struct task *session_add_popped(struct session *session, struct reply *reply, struct slice text);

/* A session with one reference, not registered yet. `emptied` is borrowed and must outlive it. */
struct session *session_new(const struct queue *queue, const char *process, uint64_t generation,
                            struct wake *emptied);
void session_keep(struct session *session);    /* one more reference */
void session_release(struct session *session); /* one less; the last frees. NULL is fine */

void session_set_server_time(struct session *session, int64_t server_ms);
int64_t session_server_ms(const struct session *session); /* estimate of the server's clock now */

/* Marks the lease as lost and wakes the fetcher; true the first time. */
bool session_lose(struct session *session);
bool session_is_lost(const struct session *session);

/* Takes over the claim with its jobs and the reply that holds them. Returns a batch whose tasks are
 * all waiting; NULL: it had no jobs. */
struct batch *session_add_claim(struct session *session, struct claim *claim);

/* The task was settled, given back or dropped: frees its ending; with its last task the batch is
 * freed, too. */
void task_retire(struct task *task);

/* True if this process holds claim `number`. */
bool session_holds(struct session *session, int64_t number);

/* At the very end, when no other thread is left: retires every task that is still there. */
void session_retire_all(struct session *session);

/* Marks held tasks whose jobs have one of these ids as cancelled. Any thread. */
void session_cancel(struct session *session, const char *const *ids, size_t count);

/* Calls visit(number, was_started, context) for each task held, under the lock, so visit must be
 * quick. */
void session_each(struct session *session, void (*visit)(int64_t, bool, void *), void *context);

#endif
