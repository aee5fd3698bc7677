/* search - finds the jobs of given ids in a queue, wherever they are: for people, and for cancel.
 *
 * Redis keeps no index of ids, so everything is read, in pages, in the order in which a job goes
 * through the places: scheduled, waiting, held, dead. One that goes the other way meanwhile (given
 * back, to be retried) can be missed, one that a page boundary has passed be met twice. */
#ifndef DARG_QUEUE_SEARCH_H
#define DARG_QUEUE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "job/job.h"
#include "queue/keys.h"
#include "redis/conn.h"

/* Places, to be combined. */
enum {
    SEARCH_SCHEDULED = 1,
    SEARCH_WAITING = 2, /* in line, or in the inbox */
    SEARCH_HELD = 4,    /* claimed by a worker, or not yet taken back from a dead one */
    SEARCH_DEAD = 8,
};

/* Borrowed for the time of a visit. */
struct search_hit {
    int place;
    const struct job *job;
    const char *list;   /* SEARCH_WAITING: the key */
    int64_t before;     /* SEARCH_WAITING: how many jobs are before it in that list */
    int64_t at_ms;      /* SEARCH_SCHEDULED: when due; SEARCH_DEAD: when it died; server time */
    const char *worker; /* SEARCH_HELD: W */
    int64_t number;     /* SEARCH_HELD: of the claim */
};

struct search {
    const char *const *ids;
    size_t id_count;
    int places;
    /* Anything but ST_OK ends the search. The connection is free for calls. */
    enum status (*visit)(void *context, const struct search_hit *hit, struct err *err);
    void *context;
};

/* Blocks for as many round trips as there are pages. */
MUST_CHECK enum status search_run(struct conn *conn, const struct queue *queue,
                                  const struct search *search, struct err *err);

#endif
