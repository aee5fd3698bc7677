/* finisher_state - what the two parts of the finisher share. Included by finisher*.c only. */
#ifndef DARG_WORKER_FLOW_FINISHER_STATE_H
#define DARG_WORKER_FLOW_FINISHER_STATE_H

#include <pthread.h>

#include "queue/settle.h"
#include "worker/flow/finisher.h"
#include "worker/flow/outage.h"
#include "worker/flow/session.h"
#include "worker/shared/wake.h"

/* Pause after an error that only a person can fix. */
enum { FINISHER_PAUSE_MS = 1000 };

struct finisher {
    struct finisher_options options; /* fixed after start */
    struct conn *conn;               /* finisher only */
    struct request request;          /* finisher only */
    /* Set by finisher_stop(): stop trying; set by the thread: it has ended. */
    struct wake give_up, ended;
    pthread_t thread;
    struct task **stuck; /* finisher only: refused for a reason that a person must fix */
    size_t stuck_count, stuck_capacity;
    /* Monotonic: when they are tried again; undefined while there are none. */
    int64_t stuck_retry_ms;
    size_t left;                          /* finisher only, until joined: endings given up */
    struct outage outage;                 /* finisher only */
    struct task *gathered[SETTLE_MAX];    /* finisher only; NULL once chosen */
    struct task *chosen[SETTLE_MAX];      /* finisher only: the tasks of the next call */
    struct settle_item items[SETTLE_MAX]; /* finisher only: the same, as the call takes them */
};

/* Tells Redis how the first `gathered` tasks of self->gathered ended, by session and kind, and
 * retires them; sends each call until it is answered. What Redis refuses is set aside; what must be
 * given up is counted in self->left. */
void finisher_settle(struct finisher *self, size_t gathered);

#endif
