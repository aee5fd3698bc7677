/* search - finds the jobs with given ids in a queue, wherever they are: for people, and for cancel.
 *
 * Redis keeps no index of ids, so everything is read, in pages, in the order of the table of places
 * (queue/place.h): scheduled, waiting, held, dead. A job that goes the other way meanwhile (is
 * given back or retried) can be missed; one that crosses a page boundary can be met twice. */
#ifndef DARG_QUEUE_SEARCH_H
#define DARG_QUEUE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "job/job.h"
#include "queue/place.h"
#include "redis/conn.h"

/* Borrowed for the time of a visit. */
struct search_hit {
    int state;    /* PLACE_... */
    size_t index; /* of its id in search->ids */
    const struct job *job;
    const char *key;    /* the place's, if it holds the job itself */
    int64_t before;     /* PLACE_WAITING: how many jobs precede it in that list */
    int64_t at_ms;      /* PLACE_SCHEDULED: when due; PLACE_DEAD: when it died; server time */
    const char *worker; /* PLACE_HELD: W */
    int64_t number;     /* PLACE_HELD: of the claim */
};

struct search {
    const char *const *ids; /* each once; may be many */
    size_t id_count;
    int states; /* PLACE_..., those to be searched */
    /* Anything but ST_OK ends the search. The connection is free for calls. */
    enum status (*visit)(void *context, const struct search_hit *hit, struct err *err);
    void *context;
};

/* Blocks for as many round trips as there are pages. */
MUST_CHECK enum status search_run(struct conn *conn, const struct queue *queue,
                                  const struct search *search, struct err *err);

#endif
