/* pusher - pushes jobs in batches, with several calls under way at a time; each job is pushed
 * exactly once, or reported as refused or in doubt.
 *
 * The caller fills pusher_batch() and submits it; as soon as the window is full, submitting takes
 * the answer to the oldest call. If the queue's bound cuts a batch, or Redis refuses one, all
 * answers under way are taken first; then what was not accepted is sent again, in order, one call
 * at a time, for as long as the caller's refused() says so. A script that the server has forgotten
 * is loaded again. A link that breaks while nothing is under way is made again: no job can be in
 * doubt. A link that breaks during a call leaves jobs in doubt, and ends the pushing, except for
 * delayed jobs, whose call may be repeated. One thread at a time; everything blocks. */
#ifndef DARG_QUEUE_PUSHER_H
#define DARG_QUEUE_PUSHER_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

enum { PUSHER_BATCH_JOBS = 500, PUSHER_BATCH_BYTES = 512 * 1024, PUSHER_WINDOW = 16 };

/* A batch as the caller fills it: up to PUSHER_BATCH_JOBS jobs, of about PUSHER_BATCH_BYTES. */
struct pusher_batch {
    size_t count;
    int64_t delay_ms; /* > 0: all its jobs join the queue so much later */
    /* The caller's; both are emptied once the batch is finished. */
    struct buf bytes; /* room for the jobs' texts, which is kept */
    size_t tag;
    /* The pusher's: */
    size_t accepted; /* jobs, from the front */
    bool is_open;    /* sent, but not answered */
    /* Borrowed texts, until the batch is finished. */
    struct slice jobs[PUSHER_BATCH_JOBS];
};

/* What the caller does about what happens; owner is the pusher's. */
struct pusher_calls {
    /* Connects if the pusher's connection is down; NULL: conn_connect(). */
    enum status (*connect)(void *owner, struct err *err);
    /* So many more of the batch, from batch->accepted on, are in the queue. */
    void (*accepted)(void *owner, const struct pusher_batch *batch, size_t count);
    /* Jobs of the batch, from batch->accepted on, may be in the queue or not. */
    void (*lost)(void *owner, const struct pusher_batch *batch);
    /* The queue is full, or pusher->refusal says why Redis refuses. ST_OK, best
     * after about pause_ms, which grows: try again. Any other status ends the pushing with it. */
    enum status (*refused)(void *owner, int64_t pause_ms, struct err *err);
};

struct pusher {
    struct conn *conn;         /* borrowed, as all that follows */
    const struct queue *queue; /* fixed after pusher_init() */
    /* Set by the caller before it submits: */
    const struct pusher_calls *calls;
    void *owner;
    int delayed_tries; /* of a call with delayed jobs whose answer is lost; 0: no limit */
    /* To be read: */
    bool is_plain;          /* this user may not run scripts: no bound is enforced */
    size_t in_flight;       /* batches submitted and not finished */
    int64_t length;         /* of the queue, as last heard */
    enum status refusal;    /* in refused(): ST_OK: the queue is full */
    struct err refusal_err; /* likewise, unless it is ST_OK */
    /* Its own: */
    uint64_t generation;       /* of the link that is set up; 0: none */
    size_t window_max, window; /* calls that may be open; fewer after a refusal */
    size_t open;               /* batches that are */
    int reloads;               /* of the script in a row */
    struct request request;    /* scratch */
    size_t first;              /* of the batches in flight, in ring */
    /* The one behind those in flight is being filled. */
    struct pusher_batch ring[PUSHER_WINDOW + 1];
};

/* *pusher is zeroed; window: calls under way at a time, up to PUSHER_WINDOW. Does not connect. */
void pusher_init(struct pusher *pusher, struct conn *conn, const struct queue *queue,
                 size_t window);
void pusher_fini(struct pusher *pusher);

/* Connects and loads the script, unless both are done; nothing may be under way. Any failure means
 * that nothing was pushed: a lost answer is ST_UNREACHABLE here. Submitting does it by itself. */
MUST_CHECK enum status pusher_ready(struct pusher *pusher, struct err *err);

/* The batch to fill; it is empty after each submit. */
struct pusher_batch *pusher_batch(struct pusher *pusher);

/* Sends the batch, unless it is empty. ST_OK, or a failure after which only pusher_settle() makes
 * sense. */
MUST_CHECK enum status pusher_submit(struct pusher *pusher, struct err *err);

/* Waits until the oldest batch in flight is finished; there must be one. Answers as pusher_submit()
 * does. */
MUST_CHECK enum status pusher_take(struct pusher *pusher, struct err *err);

/* Submits what has been filled in, and waits until all batches are finished. Answers as
 * pusher_submit() does. */
MUST_CHECK enum status pusher_flush(struct pusher *pusher, struct err *err);

/* Takes the answers that still come, calls lost() for the others, and forgets everything: the
 * pusher is as new. */
void pusher_settle(struct pusher *pusher);

/* Statuses of a push that did nothing, and that may succeed later. */
bool pusher_is_refusal(enum status status);

#endif
