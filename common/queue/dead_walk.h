/* dead_walk - goes through the dead set, most recent first, and shows, sends back or drops what
 * matches.
 *
 * The set may be huge, so it is read in pages, and each page is dealt with before the next is read.
 * Jobs that die after the walk has begun are left alone; otherwise sending back jobs that fail at
 * once would never end. One thread. */
#ifndef DARG_QUEUE_DEAD_WALK_H
#define DARG_QUEUE_DEAD_WALK_H

#include "base/patience.h"
#include "job/job.h"
#include "queue/keys.h"
#include "redis/conn.h"

enum dead_walk_action { DEAD_WALK_SHOW, DEAD_WALK_RETRY, DEAD_WALK_DROP };

/* A dead job, borrowed for the time of a visit. */
struct dead_walk_job {
    struct job job; /* as far as it is readable: it may be dead because it is not */
    struct slice member;
    int64_t died_ms;  /* server time */
    struct buf error; /* decoded */
};

struct dead_walk {
    /* In: which jobs; NULL: any. */
    const char *id, *type;
    const char *error; /* what the error contains */
    int64_t limit;     /* at most so many; 0: all */
    enum dead_walk_action action;
    struct patience patience;
    /* For DEAD_WALK_SHOW: each match. Anything but ST_OK ends the walk. */
    enum status (*visit)(void *context, const struct dead_walk_job *job, struct err *err);
    void *context;
    /* Out: right even if the walk broke off. */
    int64_t now_ms; /* server time when it began; set before the first visit */
    int64_t found;  /* matches shown, or actually moved or dropped */
    bool is_cut;    /* the limit may have left some out */
};

/* Blocks for a round trip or two per page. ST_OK also if the patience ends the walk. */
MUST_CHECK enum status dead_walk_run(struct conn *conn, const struct queue *queue,
                                     struct dead_walk *walk, struct err *err);

#endif
