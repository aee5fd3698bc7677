/* canceller - cancels the jobs with given ids wherever they are, and waits for those that are
 * running.
 *
 * The ids are marked, so that a job claimed while the queue is searched is stopped by its worker;
 * the marks are renewed for as long as this takes. Then every place is searched until none of the
 * jobs is left: waiting ones are moved to the dead set, held ones are waited for. The dead set
 * tells what became of a job that was held. One thread. */
#ifndef DARG_QUEUE_CANCELLER_H
#define DARG_QUEUE_CANCELLER_H

#include "base/patience.h"
#include "queue/cancel.h"
#include "queue/lease.h"

/* A worker is told of at most so many at once. */
enum { CANCELLER_IDS_MAX = LEASE_CANCEL_MAX };

enum canceller_state {
    CANCELLER_UNKNOWN,   /* not found: not there, or ended before the search */
    CANCELLER_HELD,      /* a worker still has it */
    CANCELLER_ENDED,     /* was held, and ended by itself before it could be stopped */
    CANCELLER_CANCELLED, /* in the dead set, moved there here or by its worker */
};

struct canceller_job {
    enum canceller_state state;
    char worker[LEASE_NAME_MAX + 1]; /* the last one that held it; "": none */
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

/* Blocks until all is done, or for the timeout plus the time that the searches take. If the
 * patience ends it, the states say how far it got. With a status other than ST_OK it broke off, and
 * the states mean little. The marks are taken back unless a worker still holds one of the jobs. */
MUST_CHECK enum status canceller_run(struct conn *conn, const struct queue *queue,
                                     struct canceller *canceller, struct err *err);

/* For JSON: "unknown", "held", "ended", "cancelled". */
const char *canceller_state_name(enum canceller_state state);

#endif
