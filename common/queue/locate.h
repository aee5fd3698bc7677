/* locate - where the job with an id is, and how far along: for people. One thread. */
#ifndef DARG_QUEUE_LOCATE_H
#define DARG_QUEUE_LOCATE_H

#include "queue/search.h"

enum locate_state {
    LOCATE_DELAYED,
    LOCATE_RETRIED, /* waits for its next attempt */
    LOCATE_WAITING,
    LOCATE_CLAIMED, /* a worker has it, but has not begun it, or only just now */
    LOCATE_RUNNING,
    LOCATE_DEAD,
    LOCATE_ENDED, /* it has ended, and its result is kept */
};

/* Borrowed for the time of a visit. */
struct locate_job {
    enum locate_state state;
    const struct search_hit *hit; /* NULL: LOCATE_ENDED */
    int64_t since_ms;             /* LOCATE_RUNNING: server time when it began; else -1 */
    struct slice progress; /* LOCATE_RUNNING: what its handler reported last, JSON; or empty */
    struct slice outcome;  /* LOCATE_ENDED: JSON (docs/protocol.md) */
};

struct locate {
    /* In: */
    const char *id;
    /* Each job with this id. Anything but ST_OK ends the search. */
    enum status (*visit)(void *context, const struct locate_job *job, struct err *err);
    void *context;
    /* Out: */
    int64_t now_ms; /* server time when it began; set before the first visit */
    size_t found;
};

/* Blocks for as many round trips as the queue has pages; twice as many if it finds no job. */
MUST_CHECK enum status locate_run(struct conn *conn, const struct queue *queue,
                                  struct locate *locate, struct err *err);

/* "delayed", "to be retried", "waiting", "claimed", "running", "dead", "ended". */
const char *locate_state_name(enum locate_state state);

#endif
