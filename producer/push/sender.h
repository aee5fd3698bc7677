/* sender - jobs in batches, pipelined, each pushed exactly once or honestly reported.
 *
 * The caller appends a job's text to sender_buffer() and commits it. Full batches are sent, up
 * to PUSH_WINDOW of them before the answer to the first must be there. When the queue's bound cuts
 * one, everything under way is answered first, then what was not accepted goes again, in its order,
 * one batch at a time with growing pauses, until all is in; so nothing is kept but the window. One
 * thread. */
#ifndef DARG_PRODUCER_PUSH_SENDER_H
#define DARG_PRODUCER_PUSH_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "producer/push/wait.h"
#include "producer/shared/context.h"

enum { PUSH_BATCH_JOBS = 500, PUSH_BATCH_BYTES = 512 * 1024, PUSH_WINDOW = 16 };

struct push_batch {
    struct buf bytes;
    size_t ends[PUSH_BATCH_JOBS]; /* of each job in bytes */
    size_t count;
    size_t accepted;  /* of them, from the front */
    bool is_answered; /* what was sent last of it */
};

struct sender {
    struct context *context;
    struct wait *wait; /* collects meanwhile; NULL: nobody waits */
    bool no_wait_for_room;
    int64_t delay_ms; /* > 0: every job joins the queue so much later */

    bool is_plain;
    struct push_batch ring[PUSH_WINDOW + 1];
    size_t first, in_flight; /* batches sent and not done with; the next one is being filled */
    size_t window;
    enum status
        refusal; /* of the last batch that was not accepted whole: OOM ..., or OK: no room */
    struct err refusal_err;
    bool was_refusal_noted;
    int reloads_in_a_row; /* of the script, without a batch's being answered otherwise */
    int64_t accepted;     /* jobs, in all */
    int64_t length;       /* of the queue, as last heard */
};

/* Prepares the connected context; the fields above the gap are set by the caller. */
MUST_CHECK enum status sender_open(struct sender *sender, struct err *err);
void sender_close(struct sender *sender);

/* Where the next job's text is appended. */
struct buf *sender_buffer(struct sender *sender);

/* Makes what was appended a job. May block: for answers, room, or results. ST_OK, or a failure
 * after which only sender_settle() makes sense; where the user has interrupted, ST_TIMED_OUT.
 */
MUST_CHECK enum status sender_commit(struct sender *sender, struct err *err);

/* Sends what is there and waits for all answers. As sender_commit(). */
MUST_CHECK enum status sender_flush(struct sender *sender, struct err *err);

/* After a failure: takes the answers that still come. Answers how many jobs were sent whose answer
 * never came: they may or may not be in the queue. */
int64_t sender_settle(struct sender *sender);

#endif
