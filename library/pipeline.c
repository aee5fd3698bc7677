#include "library/pipeline.h"

enum { DELAYED_TRIES = 2 };

struct round {
    const struct pusher *pusher;
    struct pipeline_job *jobs;
    size_t count;
    size_t next; /* first job not looked at yet */
    bool is_full;
};

void pipeline_init(struct pusher *pusher, const struct conn_options *options,
                   const struct queue *queue)
{
    pusher_init(pusher, conn_open(options), queue, PUSHER_WINDOW);
    pusher->delayed_tries = DELAYED_TRIES;
}

void pipeline_fini(struct pusher *pusher)
{
    conn_close(pusher->conn);
    pusher_fini(pusher);
}

static bool is_open(const struct pipeline_job *job)
{
    return job->code == DARG_FULL;
}

/* ---- what the pusher asks for; a batch's tag is the index of its first job ---- */

/* Sets the code of the first `count` open jobs of the batch. */
static void mark(const struct round *round, const struct pusher_batch *batch, size_t count,
                 enum darg_code code)
{
    for (size_t i = batch->tag; count > 0; i++)
        if (is_open(&round->jobs[i])) {
            round->jobs[i].code = code;
            count--;
        }
}

static void accepted(void *owner, const struct pusher_batch *batch, size_t count)
{
    mark(owner, batch, count, DARG_OK);
}

static void lost(void *owner, const struct pusher_batch *batch)
{
    mark(owner, batch, batch->count - batch->accepted, DARG_UNCERTAIN);
}

/* Ends the round instead of waiting here: whether to try again is the caller's decision. */
static enum status refused(void *owner, int64_t pause_ms, struct err *err)
{
    struct round *round = owner;
    const struct pusher *pusher = round->pusher;
    (void)pause_ms;
    round->is_full = pusher->refusal == ST_OK;
    if (round->is_full)
        return err_set(err, ST_TOO_LARGE, "queue '%s' is full", pusher->queue->name);
    return err_set(err, pusher->refusal, "%s", err_text(&pusher->refusal_err));
}

static const struct pusher_calls calls = {NULL, accepted, lost, refused};

/* ---- the round ---- */

/* Gathers the next call's jobs, which must have the same delay. */
static void gather(struct round *round, struct pusher_batch *batch)
{
    size_t bytes = 0;
    while (round->next < round->count && !is_open(&round->jobs[round->next]))
        round->next++;
    batch->tag = round->next;
    for (; round->next < round->count; round->next++) {
        const struct pipeline_job *job = &round->jobs[round->next];
        if (batch->count == PUSHER_BATCH_JOBS || bytes >= PUSHER_BATCH_BYTES)
            break;
        if (!is_open(job))
            continue;
        if (batch->count > 0 && job->delay_ms != batch->delay_ms)
            break;
        batch->delay_ms = job->delay_ms;
        batch->jobs[batch->count++] = job->text;
        bytes += job->text.len;
    }
}

enum status pipeline_round(struct pusher *pusher, struct pipeline_job *jobs, size_t count,
                           struct err *err)
{
    struct round round = {.pusher = pusher, .jobs = jobs, .count = count};
    enum status status = ST_OK;
    pusher->calls = &calls;
    pusher->owner = &round;
    while (status == ST_OK && round.next < count) {
        gather(&round, pusher_batch(pusher));
        status = pusher_submit(pusher, err);
    }
    if (status == ST_OK)
        status = pusher_flush(pusher, err);
    pusher_settle(pusher);
    if (round.is_full)
        return ST_OK;
    /* For the jobs that are left the link is simply gone; those under way are marked already. */
    if (status == ST_PROTOCOL)
        status = err->status = ST_LOST_REPLY;
    return status;
}
