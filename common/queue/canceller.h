/* canceller - cancels the jobs of given ids wherever they are, and waits for those that run.
 *
 * The ids are marked, so that a job that is claimed while the queue is searched is stopped by its
 * worker, and marked again as long as this takes. Then everything is searched until nothing of them
 * is left: what waits is moved to the dead set, what is held is waited for. What became of a job
 * that was held is read in the dead set. One thread. */
#ifndef DARG_QUEUE_CANCELLER_H
#define DARG_QUEUE_CANCELLER_H

#include "base/patience.h"
#include "queue/cancel.h"
#include "queue/lease.h"

/* A worker is told of no more at once. */
enum { CANCELLER_IDS_MAX = LEASE_CANCEL_MAX };

enum canceller_state {
    CANCELLER_UNKNOWN,   /* not met: it is not there, or ended before it was looked for */
    CANCELLER_HELD,      /* a worker has it, still */
    CANCELLER_ENDED,     /* was held, and ended otherwise before it could be stopped */
    CANCELLER_CANCELLED, /* in the dead set, moved there here or by its worker */
};

struct canceller_job {
    enum canceller_state state;
    char worker[LEASE_NAME_MAX + 1]; /* that held it last; "": none */
    int64_t number;                  /* of that claim */
};

struct canceller {
    /* In: */
    const char *const *ids; /* borrowed; each once, up to CANCELLER_IDS_MAX */
    size_t count;
    int64_t timeout_ms; /* how long to wait for what is held */
    struct patience patience;
    /* Out: what became of each id, in their order. */
    struct canceller_job jobs[CANCELLER_IDS_MAX];
};

/* Blocks until all is done, or for the timeout and as long as the searches take. Where the patience
 * ends it the states say how far it came. A status other than ST_OK: it broke off, and the states
 * mean little. The marks are taken back unless a worker still holds one of the jobs. */
MUST_CHECK enum status canceller_run(struct conn *conn, const struct queue *queue,
                                     struct canceller *canceller, struct err *err);

/* For JSON: "unknown", "held", "ended", "cancelled". */
const char *canceller_state_name(enum canceller_state state);

#endif
