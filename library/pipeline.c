#include "library/pipeline.h"

#include "queue/push.h"

enum { BATCH_JOBS = 500, BATCH_BYTES = 512 * 1024, WINDOW = 16 };

/* Jobs of one call: those from first to end that were not in the queue when it was sent. */
struct span {
    size_t first, end, count;
};

struct round {
    struct link *link;
    struct pipeline_job *jobs;
    size_t count;
    size_t next;               /* first job that was not looked at */
    struct span spans[WINDOW]; /* sent and not answered, from `oldest` on */
    size_t oldest, in_flight;
    struct slice texts[BATCH_JOBS]; /* scratch */
    bool is_over;                   /* nothing more is sent in this round */
    enum status status;             /* the first failure; err is the caller's */
    struct err *err;
};

static bool is_open(const struct pipeline_job *job)
{
    return job->code == DARG_FULL;
}

static void fail(struct round *round, const struct err *cause)
{
    round->is_over = true;
    if (round->status != ST_OK)
        return;
    round->status = cause->status;
    *round->err = *cause;
}

/* The next call's jobs, which have one delay; their texts go to the scratch. */
static struct span gather(struct round *round)
{
    size_t bytes = 0;
    while (round->next < round->count && !is_open(&round->jobs[round->next]))
        round->next++;
    struct span span = {.first = round->next, .end = round->next};
    for (; span.end < round->count && span.count < BATCH_JOBS && bytes < BATCH_BYTES; span.end++) {
        const struct pipeline_job *job = &round->jobs[span.end];
        if (!is_open(job))
            continue;
        if (job->delay_ms != round->jobs[span.first].delay_ms)
            break;
        round->texts[span.count++] = job->text;
        bytes += job->text.len;
    }
    return span;
}

/* The first `count` open jobs of the span. */
static void mark(struct round *round, const struct span *span, size_t count, enum darg_code code)
{
    for (size_t i = span->first; i < span->end && count > 0; i++)
        if (is_open(&round->jobs[i])) {
            round->jobs[i].code = code;
            count--;
        }
}

/* ---- jobs for now ---- */

static enum status send_span(struct round *round, const struct span *span, struct err *err)
{
    struct link *link = round->link;
    struct request request = {0};
    if (link->is_plain)
        push_encode_plain(&request, link->queue, round->texts, span->count);
    else
        push_encode(&request, link->queue, round->texts, span->count);
    enum status status = conn_send(link->conn, &request, err);
    /* A link that broke while nothing was under way is made again: no job can be in doubt. */
    if (status == ST_UNREACHABLE && round->in_flight == 0) {
        status = link_ready(link, err);
        if (status == ST_OK)
            status = conn_send(link->conn, &request, err);
    }
    request_fini(&request);
    return status;
}

/* Answers of a broken link never come. */
static void give_up(struct round *round)
{
    for (; round->in_flight > 0; round->in_flight--) {
        const struct span *span = &round->spans[round->oldest];
        mark(round, span, span->count, DARG_UNCERTAIN);
        round->oldest = (round->oldest + 1) % WINDOW;
    }
}

static void take_answer(struct round *round)
{
    const struct span *span = &round->spans[round->oldest];
    struct conn *conn = round->link->conn;
    struct reply *reply = NULL;
    struct err err = {0};
    size_t accepted = 0;
    int64_t ignored;
    enum status status = conn_receive(conn, &reply, &err);
    if (status == ST_OK)
        status = push_decode(reply, span->count, &accepted, &ignored, &err);
    reply_free(reply);
    mark(round, span, accepted, DARG_OK);
    if (status == ST_PROTOCOL)
        conn_discard(conn);
    if (status == ST_UNREACHABLE || status == ST_LOST_REPLY || status == ST_PROTOCOL) {
        err.status = ST_LOST_REPLY;
        fail(round, &err);
        give_up(round);
        return;
    }
    if (status == ST_NOSCRIPT)
        link_forget(round->link);
    if (status != ST_OK)
        fail(round, &err);
    round->is_over = round->is_over || accepted < span->count;
    round->oldest = (round->oldest + 1) % WINDOW;
    round->in_flight--;
}

/* ---- jobs for later ---- */

/* May be repeated, so that a lost answer leaves no doubt as long as Redis comes back. */
static enum status schedule(struct round *round, const struct span *span, struct err *err)
{
    struct slice members[BATCH_JOBS];
    size_t ends[BATCH_JOBS];
    struct buf bytes = {0};
    for (size_t i = 0; i < span->count; i++) {
        push_wrap(&bytes, round->texts[i]);
        ends[i] = bytes.len;
    }
    for (size_t i = 0; i < span->count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        members[i] = (struct slice){bytes.ptr + start, ends[i] - start};
    }
    int64_t delay_ms = round->jobs[span->first].delay_ms;
    struct link *link = round->link;
    enum status status = push_delayed(link->conn, link->queue, delay_ms, members, span->count, err);
    if (status == ST_LOST_REPLY || status == ST_UNREACHABLE) {
        bool is_unsent = status == ST_UNREACHABLE;
        status = link_ready(link, err);
        if (status == ST_OK)
            status = push_delayed(link->conn, link->queue, delay_ms, members, span->count, err);
        else if (!is_unsent)
            status = ST_LOST_REPLY;
    }
    buf_fini(&bytes);
    return status;
}

static void push_delayed_span(struct round *round, const struct span *span)
{
    struct err err = {0};
    while (round->in_flight > 0)
        take_answer(round);
    enum status status = schedule(round, span, &err);
    if (status == ST_OK) {
        mark(round, span, span->count, DARG_OK);
        return;
    }
    err.status = status;
    fail(round, &err);
    if (status == ST_LOST_REPLY || status == ST_PROTOCOL)
        mark(round, span, span->count, DARG_UNCERTAIN);
}

static void push_span(struct round *round, struct span span)
{
    struct err err = {0};
    if (round->jobs[span.first].delay_ms > 0) {
        push_delayed_span(round, &span);
    } else if (send_span(round, &span, &err) == ST_OK) {
        round->spans[(round->oldest + round->in_flight) % WINDOW] = span;
        round->in_flight++;
    } else {
        fail(round, &err);
    }
}

enum status pipeline_round(struct link *link, struct pipeline_job *jobs, size_t count,
                           struct err *err)
{
    struct round round = {.link = link, .jobs = jobs, .count = count, .err = err};
    enum status status = link_ready(link, err);
    if (status != ST_OK)
        return status;
    for (;;) {
        while (!round.is_over && round.in_flight < WINDOW) {
            struct span span = gather(&round);
            if (span.count == 0)
                break;
            round.next = span.end;
            push_span(&round, span);
        }
        if (round.in_flight == 0)
            return round.status;
        take_answer(&round);
    }
}
