/* darg cancel: jobs that are not to run (any more), wherever they are.
 *
 * The ids are marked, so that a job that is claimed while the queue is searched is stopped by its
 * worker, and marked again as long as this takes. Then everything is searched until nothing of them
 * is left: what waits is moved to the dead set, what is held is waited for. What became of a job
 * that was held is read in the dead set.
 */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/table.h"

#include "base/clock.h"
#include "base/parse.h"
#include "queue/cancel.h"
#include "queue/lease.h"
#include "queue/presence.h"
#include "queue/search.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IDS_MAX = 50,
    LOOK_MS = 50,
    TIMEOUT_MS = 10000,
    POPPER_MS = 3000,
    MARK_AGAIN_MS = CANCEL_MARK_MS / 3,
    EMPTY_PASSES = 2, /* in a row: what went the other way during one is met by the next */
    PASSES_MAX = 100
};

enum state {
    UNKNOWN,   /* not met (yet) */
    HELD,      /* a worker has it */
    ENDED,     /* was held, and is so no more */
    CANCELLED, /* moved to the dead set, here or by its worker */
};

struct target {
    enum state state;
    char worker[LEASE_NAME_MAX + 1]; /* that held it last; "": none */
    int64_t number;
};

struct cancel {
    struct context context;
    int64_t timeout_ms;
    int64_t marked_ms;     /* server time, of the first mark; 0: none yet */
    int64_t mark_again_ms; /* monotonic */
    struct target targets[IDS_MAX];
    size_t count;
    size_t moved; /* in this pass: others may have been missed */
};

static const char *id_of(const struct cancel *cancel, size_t i)
{
    return cancel->context.operands[i];
}

/* ---- the marks ---- */

/* A mark lasts for a time only, and a job may be held, given back and held again. */
static enum status mark(struct cancel *cancel, struct err *err)
{
    int64_t now_ms = 0;
    enum status status = cancel_mark(cancel->context.conn, &cancel->context.queue,
                                     cancel->context.operands, cancel->count, &now_ms, err);
    if (status == ST_OK && cancel->marked_ms == 0)
        cancel->marked_ms = now_ms;
    cancel->mark_again_ms = clock_mono_ms() + MARK_AGAIN_MS;
    return status;
}

static enum status keep_marked(struct cancel *cancel, struct err *err)
{
    return clock_mono_ms() < cancel->mark_again_ms ? ST_OK : mark(cancel, err);
}

/* ---- the search ---- */

static enum status visit_waiting(struct cancel *cancel, const struct search_hit *hit,
                                 struct err *err)
{
    const struct queue *queue = &cancel->context.queue;
    bool is_removed;
    enum status status =
        cancel_remove(cancel->context.conn, queue, hit->key, hit->job, &is_removed, err);
    if (status == ST_OK && is_removed)
        cancel->targets[hit->index].state = CANCELLED;
    cancel->moved++;
    return status;
}

/* True for a dead job that its worker has buried; one that was moved here without having been held
 * has a claim with no colon. */
static bool is_buried_by_worker(const struct job *job)
{
    return memchr(job->history.claim.ptr, ':', job->history.claim.len) != NULL;
}

static void visit_dead(struct cancel *cancel, const struct search_hit *hit)
{
    const struct slice error = hit->job->history.error;
    static const char reason[] = "\"" CANCEL_REASON;
    if (hit->at_ms >= cancel->marked_ms && is_buried_by_worker(hit->job) &&
        error.len >= sizeof reason - 1 && memcmp(error.ptr, reason, sizeof reason - 1) == 0)
        cancel->targets[hit->index].state = CANCELLED;
}

static enum status visit(void *context, const struct search_hit *hit, struct err *err)
{
    struct cancel *cancel = context;
    if (hit->state == PLACE_DEAD) {
        visit_dead(cancel, hit);
        return ST_OK;
    }
    if (hit->state != PLACE_HELD)
        return visit_waiting(cancel, hit, err);
    struct target *target = &cancel->targets[hit->index];
    target->state = HELD;
    target->number = hit->number;
    snprintf(target->worker, sizeof target->worker, "%s", hit->worker);
    return ST_OK;
}

static enum status search(struct cancel *cancel, int states, struct err *err)
{
    const struct search all = {.ids = cancel->context.operands,
                               .id_count = cancel->count,
                               .states = states,
                               .visit = visit,
                               .context = cancel};
    return search_run(cancel->context.conn, &cancel->context.queue, &all, err);
}

/* ---- what is held ---- */

static size_t count_held(const struct cancel *cancel)
{
    size_t held = 0;
    for (size_t i = 0; i < cancel->count; i++)
        held += cancel->targets[i].state == HELD;
    return held;
}

static enum status look_at(struct cancel *cancel, struct target *target, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf key = {0}, number = {0};
    queue_claimed_key(&cancel->context.queue, target->worker, &key);
    buf_append_int(&number, target->number);
    request_add_text(&request, "HEXISTS");
    request_add(&request, buf_slice(&key));
    request_add(&request, buf_slice(&number));
    enum status status = conn_call(cancel->context.conn, &request, &reply, err);
    if (status == ST_OK && reply_int(reply, 0) == 0)
        target->state = ENDED;
    reply_free(reply);
    request_fini(&request);
    buf_fini(&key);
    buf_fini(&number);
    return status;
}

/* Until no worker holds any of them, or the time is up. */
static enum status await_held(struct cancel *cancel, int64_t until_ms, struct err *err)
{
    enum status status = ST_OK;
    while (status == ST_OK && count_held(cancel) > 0 && clock_mono_ms() < until_ms &&
           interrupt_sleep(LOOK_MS)) {
        status = keep_marked(cancel, err);
        for (size_t i = 0; status == ST_OK && i < cancel->count; i++)
            if (cancel->targets[i].state == HELD)
                status = look_at(cancel, &cancel->targets[i], err);
    }
    return status;
}

/* Searches until passes meet nothing that they have to act on: what is given back or retried goes
 * the other way, and what is removed hides what lies behind it. Not for ever: others may go on
 * pushing such jobs. */
static enum status hunt(struct cancel *cancel, int64_t until_ms, struct err *err)
{
    enum status status = ST_OK;
    bool is_over = false;
    int empty = 0;
    for (int i = 0; status == ST_OK && !is_over && i < PASSES_MAX && !interrupt_is_set(); i++) {
        cancel->moved = 0;
        status = keep_marked(cancel, err);
        if (status == ST_OK)
            status = search(cancel, PLACE_SCHEDULED | PLACE_WAITING | PLACE_HELD, err);
        empty = cancel->moved == 0 && count_held(cancel) == 0 ? empty + 1 : 0;
        if (status == ST_OK)
            status = await_held(cancel, until_ms, err);
        is_over = empty == EMPTY_PASSES || count_held(cancel) > 0;
    }
    return status;
}

/* ---- at most once ---- */

static enum status is_popper(struct cancel *cancel, struct slice worker, bool *is, struct err *err)
{
    struct reply *info = NULL;
    char *process = slice_dup(worker);
    char *dot = strrchr(process, '.');
    if (dot != NULL)
        *dot = '\0';
    enum status status =
        presence_process(cancel->context.conn, cancel->context.namespace, process, &info, err);
    for (size_t i = 0; i + 1 < reply_count(info); i += 2)
        if (slice_is(reply_slice(reply_at(info, i)), "delivery"))
            *is = slice_is(reply_slice(reply_at(info, i + 1)), "at-most-once");
    reply_free(info);
    free(process);
    return status;
}

/* Redis knows nothing of what such a worker runs: all one can do is to leave it time to see the
 * marks. */
static enum status await_poppers(struct cancel *cancel, struct err *err)
{
    struct reply *workers = NULL;
    bool is_unknown = false, has_popper = false;
    for (size_t i = 0; i < cancel->count; i++)
        is_unknown = is_unknown || cancel->targets[i].state == UNKNOWN;
    if (!is_unknown)
        return ST_OK;
    enum status status =
        presence_workers(cancel->context.conn, &cancel->context.queue, &workers, err);
    for (size_t i = 0; status == ST_OK && !has_popper && i < reply_count(workers); i += 2)
        status = is_popper(cancel, reply_slice(reply_at(workers, i)), &has_popper, err);
    reply_free(workers);
    if (has_popper)
        (void)interrupt_sleep(POPPER_MS);
    return status;
}

/* ---- the answer ---- */

static const char *name_of(enum state state)
{
    static const char *const names[] = {
        [UNKNOWN] = "unknown", [HELD] = "held", [ENDED] = "ended", [CANCELLED] = "cancelled"};
    return names[state];
}

static void say(const struct cancel *cancel, size_t i)
{
    const char *id = id_of(cancel, i), *queue = cancel->context.queue.name;
    const struct target *target = &cancel->targets[i];
    char time[PARSE_DURATION_MAX];
    switch (target->state) {
    case UNKNOWN:
        context_note("no job '%s' waits or runs in queue '%s'", id, queue);
        break;
    case HELD:
        context_note("'%s' is still held by worker %s after %s: its handler does not end", id,
                     target->worker, format_duration_ms(cancel->timeout_ms, time));
        break;
    case ENDED:
        context_note("'%s' ended before it could be stopped", id);
        break;
    case CANCELLED:
        context_note("cancelled '%s'%s", id, target->worker[0] ? ", which was running" : "");
        break;
    }
}

static void report(const struct cancel *cancel)
{
    struct cJSON *list = cancel->context.is_json ? cJSON_CreateArray() : NULL;
    for (size_t i = 0; i < cancel->count; i++) {
        if (list == NULL) {
            say(cancel, i);
            continue;
        }
        struct cJSON *object = cJSON_CreateObject();
        table_json_text(object, "id", slice_of(id_of(cancel, i)));
        table_json_text(object, "state", slice_of(name_of(cancel->targets[i].state)));
        cJSON_AddItemToArray(list, object);
    }
    if (list != NULL)
        table_json_print(list);
}

static int run(struct cancel *cancel)
{
    struct err err = {0}, ignored;
    struct conn *conn = cancel->context.conn;
    const struct queue *queue = &cancel->context.queue;
    const char *const *ids = cancel->context.operands;
    int64_t until_ms = clock_mono_ms() + cancel->timeout_ms;
    enum status status = mark(cancel, &err);
    if (status == ST_OK)
        status = hunt(cancel, until_ms, &err);
    if (status == ST_OK)
        status = await_poppers(cancel, &err);
    if (status == ST_OK)
        status = search(cancel, PLACE_DEAD, &err);
    if (count_held(cancel) == 0)
        (void)!cancel_unmark(conn, queue, ids, cancel->count, &ignored);
    if (status != ST_OK)
        return context_fail(&err);
    report(cancel);
    for (size_t i = 0; i < cancel->count; i++)
        if (cancel->targets[i].state != CANCELLED)
            return DARG_FAILED;
    return DARG_OK;
}

/* Among those that were taken already. */
static bool is_repeated(const struct cancel *cancel, const char *id)
{
    size_t i = 0;
    while (i < cancel->count && strcmp(id_of(cancel, i), id) != 0)
        i++;
    return i < cancel->count;
}

/* Checks the operands and leaves each id once. */
static enum status take_ids(struct cancel *cancel, struct err *err)
{
    if (cancel->context.operand_count == 0)
        return err_set(err, ST_INVALID, "ID is missing");
    for (size_t i = 0; i < cancel->context.operand_count; i++) {
        const char *id = cancel->context.operands[i];
        size_t len = strlen(id);
        if (len < 1 || len > JOB_ID_MAX)
            return err_set(err, ST_INVALID, "an ID has 1 to %d bytes", JOB_ID_MAX);
        if (!is_repeated(cancel, id))
            cancel->context.operands[cancel->count++] = id;
    }
    return ST_OK;
}

int cancel_main(int argc, char **argv)
{
    struct cancel cancel = {.timeout_ms = TIMEOUT_MS};
    const struct option_row rows[] = {
        {"timeout", 0, OPT_DURATION, &cancel.timeout_ms, .value_name = "DURATION",
         .default_text = "10s", .help = "how long to wait for jobs that run to end"},
        {0},
    };
    const struct context_spec spec = {
        .program = "darg cancel",
        .usage = "ID... [options]",
        .summary =
            "Cancels jobs: those that wait or are delayed are not run, those that run are stopped "
            "by their worker. They go to the dead jobs, from where `darg dead retry` brings them "
            "back. Exits with 0 if all are cancelled.",
        .examples = "  darg cancel report-17\n  darg cancel -q mail a b c --timeout 1m\n",
        .rows = rows,
        .uses = CONTEXT_QUEUE | CONTEXT_JSON,
        .operands_max = IDS_MAX};
    struct err err = {0};
    int exit_code;
    interrupt_init();
    if (!context_parse(&cancel.context, &spec, argc, argv, &exit_code))
        ;
    else if (take_ids(&cancel, &err) != ST_OK)
        exit_code = context_usage(&spec, "%s", err_text(&err));
    else if (context_connect(&cancel.context, &err) != ST_OK)
        exit_code = context_fail(&err);
    else
        exit_code = run(&cancel);
    context_fini(&cancel.context);
    interrupt_end();
    return exit_code;
}
