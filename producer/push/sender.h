/* sender - what `darg push` adds to the pusher (queue/pusher.h): it collects results meanwhile, and
 * if the queue is full, or Redis refuses, it waits, says so once, and can be interrupted.
 *
 * The caller appends a job's text to sender_buffer() and commits it, so only the pusher's window is
 * kept in memory. One thread. */
#ifndef DARG_PRODUCER_PUSH_SENDER_H
#define DARG_PRODUCER_PUSH_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "producer/push/wait.h"
#include "producer/shared/context.h"
#include "queue/pusher.h"

struct sender {
    struct context *context;
    struct wait *wait; /* collects meanwhile; NULL: nobody waits */
    bool no_wait_for_room;
    int64_t delay_ms; /* > 0: each job joins the queue so much later */

    bool was_refusal_noted;
    int64_t accepted;  /* jobs, in all */
    int64_t uncertain; /* jobs that may or may not be in the queue */
    struct pusher pusher;
};

/* Prepares the connected context; the fields above the gap are set by the caller. */
MUST_CHECK enum status sender_open(struct sender *sender, struct err *err);
void sender_close(struct sender *sender);

/* Where the next job's text is appended. */
struct buf *sender_buffer(struct sender *sender);

/* Makes what was appended a job. May block: for answers, room, or results. ST_OK, or a failure
 * after which only sender_settle() makes sense; ST_TIMED_OUT if the user interrupted it. */
MUST_CHECK enum status sender_commit(struct sender *sender, struct err *err);

/* Sends what has been committed and waits for all answers. Answers as sender_commit() does. */
MUST_CHECK enum status sender_flush(struct sender *sender, struct err *err);

/* After a failure: takes the answers that still come. Returns how many jobs were sent but never
 * answered: they may or may not be in the queue. */
int64_t sender_settle(struct sender *sender);

#endif
