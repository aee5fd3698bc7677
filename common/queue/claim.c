#include "queue/claim.h"

#include <stdio.h>

#include "base/killpoint.h"
#include "queue/scripts.h"

void claim_fini(struct claim *claim)
{
    reply_free(claim->reply);
    *claim = (struct claim){0};
}

struct claim_job claim_job(const struct claim *claim, size_t i)
{
    const struct reply *job = reply_at(claim->jobs, i);
    if (!reply_is_array(job))
        return (struct claim_job){.text = reply_slice(job)};
    return (struct claim_job){.text = reply_slice(reply_at(job, 1)),
                              .is_short = true,
                              .size = reply_int(reply_at(job, 0), 0)};
}

void claim_encode(struct request *request, const struct lease *lease, int64_t base, int64_t n,
                  const struct claim_options *options)
{
    ensure(n >= 1 && n <= CLAIM_MAX, "a claim of %lld jobs", (long long)n);
    const struct queue *queue = lease->queue;
    const struct script_claim_call call = {
        .queue = queue->jobs,
        .inbox = queue->inbox,
        .claimed = lease->claimed,
        .workers = queue->workers,
        .scheduled = queue->scheduled,
        .settings = queue->settings,
        .counts = queue->counts,
        .drained = queue->drained,
        .suspects = queue->suspects,
        .worker = script_text(lease->worker),
        .base = script_int(base),
        .n = script_int(n),
        .budget = script_int(options->max_bytes),
        .discards = script_flag(options->discard_sentinel),
        .max_size = script_int(options->policy.max_job_size),
        .max_crashes = script_int(options->policy.max_crashes),
    };
    script_claim_begin(request, &call);
}

/* A job, none, or one in short. */
static bool is_job(const struct reply *job)
{
    return reply_is_nil(job) || reply_is_string(job) ||
           (reply_count(job) == 2 && reply_is_int(reply_at(job, 0)) &&
            reply_is_string(reply_at(job, 1)));
}

static enum status decode_jobs(struct claim *claim, struct err *err)
{
    claim->base = reply_int(reply_at(claim->reply, 2), -1);
    claim->jobs = reply_at(claim->reply, 3);
    claim->count = reply_count(claim->jobs);
    if (claim->base < 0 || claim->count < 1 || claim->count > CLAIM_MAX)
        return err_set(err, ST_PROTOCOL, "Redis answered a claim with no jobs where some were due");
    for (size_t i = 0; i < claim->count; i++) {
        if (!is_job(reply_at(claim->jobs, i)))
            return err_set(err, ST_PROTOCOL,
                           "Redis answered a claim with something that is not a job");
    }
    return ST_OK;
}

static enum status decode(struct claim *claim, struct err *err)
{
    static const char *const words[] = {
        [CLAIM_JOBS] = "jobs", [CLAIM_EMPTY] = "empty", [CLAIM_DRAIN] = "drain",
        [CLAIM_WAIT] = "wait", [CLAIM_STALE] = "stale", [CLAIM_LOST] = "lost",
    };
    struct slice word = reply_slice(reply_at(claim->reply, 0));
    claim->now_ms = reply_int(reply_at(claim->reply, 1), -1);
    for (size_t i = 0; i < sizeof words / sizeof words[0] && claim->now_ms >= 0; i++) {
        if (!slice_is(word, words[i]))
            continue;
        claim->outcome = (enum claim_outcome)i;
        if (claim->outcome == CLAIM_EMPTY)
            claim->next_due_ms = reply_int(reply_at(claim->reply, 2), QUEUE_NEVER);
        else if (claim->outcome == CLAIM_WAIT)
            claim->wait_ms = reply_int(reply_at(claim->reply, 2), 1000);
        return claim->outcome == CLAIM_JOBS ? decode_jobs(claim, err) : ST_OK;
    }
    return err_set(err, ST_PROTOCOL, "Redis answered a claim with something unexpected");
}

enum status claim_call(struct conn *conn, const struct request *request, struct claim *claim,
                       struct err *err)
{
    *claim = (struct claim){.next_due_ms = QUEUE_NEVER};
    enum status status = script_call(conn, &script_claim, request, &claim->reply, err);
    if (status == ST_OK)
        status = decode(claim, err);
    if (status != ST_OK)
        claim_fini(claim);
    return status;
}

enum status claim_wait_begin(struct conn *conn, const struct queue *queue, int64_t timeout_ms,
                             struct err *err)
{
    /* 0 would mean for ever. */
    ensure(timeout_ms > 0, "a wait of %lld ms", (long long)timeout_ms);
    char seconds[32];
    int len = snprintf(seconds, sizeof seconds, "%lld.%03lld", (long long)(timeout_ms / 1000),
                       (long long)(timeout_ms % 1000));
    ensure(len > 0 && (size_t)len < sizeof seconds, "%d characters", len);
    struct request request = {0};
    request_add_text(&request, "BLMOVE");
    request_add_text(&request, queue->jobs);
    request_add_text(&request, queue->inbox);
    request_add_text(&request, "RIGHT");
    request_add_text(&request, "LEFT");
    request_add_text(&request, seconds);
    enum status status = conn_begin(conn, &request, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    conn_skip_text(conn);
    KILL_POINT("wait", "sent");
    return ST_OK;
}

enum status claim_wait_end(struct conn *conn, bool *woken, struct err *err)
{
    struct reply *reply = NULL;
    enum status status = conn_receive(conn, &reply, err);
    if (status == ST_OK)
        *woken = !reply_is_nil(reply);
    if (status == ST_OK && *woken)
        KILL_POINT("wait", "after");
    reply_free(reply);
    return status;
}
