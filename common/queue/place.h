/* place - the places where a job can be, in one table.
 *
 * All code that looks for jobs, counts them or throws them away goes through this table, so a new
 * place is known to all of it: search (status, cancel, waiting for results), stats, purge.
 * Constants; any thread. */
#ifndef DARG_QUEUE_PLACE_H
#define DARG_QUEUE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/keys.h"

/* What a job there is doing; to be combined. */
enum {
    PLACE_SCHEDULED = 1, /* delayed, or to be retried */
    PLACE_WAITING = 2,   /* nobody has it: in line, or on its way to a worker */
    PLACE_HELD = 4,      /* claimed by a worker, alive or dead */
    PLACE_DEAD = 8,
    PLACE_ALL = PLACE_SCHEDULED | PLACE_WAITING | PLACE_HELD | PLACE_DEAD,
};

/* How a place's key holds its jobs. */
enum place_kind {
    PLACE_LIST,         /* jobs */
    PLACE_ZSET,         /* job -> server ms */
    PLACE_HOLDERS_ZSET, /* worker -> ...: the jobs are in its claimed hash */
    PLACE_HOLDERS_SET,  /* likewise, a set */
};

struct place {
    int state; /* PLACE_..., one of them */
    enum place_kind kind;
    size_t key; /* offset of the key in struct queue: place_key() */
};

/* The places, in the order in which a job passes through them. NULL past the last. */
const struct place *place_at(size_t i);
const char *place_key(const struct place *place, const struct queue *queue);

/* For people and JSON: "scheduled", "waiting", "held", "dead". */
const char *place_state_name(int state);

/* True if the jobs are elements of the key itself. */
static inline bool place_holds_jobs(const struct place *place)
{
    return place->kind == PLACE_LIST || place->kind == PLACE_ZSET;
}

#endif
