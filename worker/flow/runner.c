#include "worker/flow/runner_state.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/plural.h"
#include "job/outcome.h"
#include "worker/program/usage.h"

void runner_scratch_fini(struct runner_scratch *scratch)
{
    buf_fini(&scratch->result.output);
    buf_fini(&scratch->result.error);
}

/* The claim's name, made when it is first needed: most jobs never need it. */
static struct slice claim_name(struct run *run)
{
    if (!run->claim[0])
        snprintf(run->claim, sizeof run->claim, "%s:%lld", run->what->session->lease.worker,
                 (long long)run->what->number);
    return slice_of(run->claim);
}

/* The claim's name stands in for the id of a job that has none, in the log and for its handler. */
static void name_job(struct run *run)
{
    struct job *job = run->job;
    if (!job->id[0])
        snprintf(job->id, sizeof job->id, "%.*s", JOB_ID_MAX, claim_name(run).ptr);
    run->id = slice_of(job->id);
}

static bool is_poison(const struct run *run)
{
    return run->job->history.crashes >= run->runner->policy->max_crashes;
}

static void fail_as_poison(struct run *run, struct err *err)
{
    (void)err_set(err, ST_INVALID, "poison: %lld %s died while running it",
                  (long long)run->job->history.crashes,
                  plural_of(run->job->history.crashes, "worker", "workers"));
    run_fail(run, HANDLER_BURY, err_text(err));
}

/* A job of which Redis sent only the beginning, because it will only be buried. */
static void bury_unread(struct run *run, struct err *err)
{
    int64_t size = run->what->element.size, max_size = run->runner->policy->max_job_size;
    job_read_beginning(run->what->element.text, run->job);
    name_job(run);
    if (is_poison(run)) {
        fail_as_poison(run, err);
        return;
    }
    if (size > max_size)
        (void)err_set(err, ST_TOO_LARGE,
                      "the job has %lld bytes, more than the %lld that --max-job-size allows",
                      (long long)size, (long long)max_size);
    else
        (void)err_set(err, ST_TOO_LARGE,
                      "this job of %lld bytes could not be read: the worker has too little memory, "
                      "or Redis too small a client-output-buffer-limit",
                      (long long)size);
    run_fail(run, HANDLER_BURY, err_text(err));
}

/* The load is told before: if reading a job kills the worker, the supervisor blames that job. */
static bool read_job(struct run *run, struct err *err)
{
    const struct load_run name = run_name(run);
    load_begin_reading(run->runner->load, run->what->thread, &name);
    bool is_valid = job_read(run->what->element.text, run->runner->policy->max_job_size, run->job,
                             err) == ST_OK;
    load_end_reading(run->runner->load, run->what->thread);
    name_job(run);
    return is_valid;
}

/* Fills run->result, from the handler or in its place. Expiry and poison come before the handler is
 * looked up, so that a worker without one also buries such a job instead of retrying it. */
static void perform(struct run *run, struct err *err)
{
    run_clear_result(run->result);
    *err = (struct err){0};
    if (run->what->element.is_short) {
        bury_unread(run, err);
        return;
    }
    if (!read_job(run, err)) {
        run_fail(run, HANDLER_BURY, err_text(err));
        return;
    }
    if (run_is_expired(run)) {
        run_fail(run, HANDLER_BURY, RUN_EXPIRED_REASON);
        return;
    }
    if (is_poison(run)) {
        fail_as_poison(run, err);
        return;
    }
    const struct handler *handler = registry_find(run->runner->registry, run->job->type);
    if (handler)
        run_call(run, handler);
    else
        run_fail(run, HANDLER_RETRY, "no handler for this type of job here");
}

static enum settle_kind decide(const struct run *run)
{
    const struct job *job = run->job;
    int64_t max_attempts =
        job->max_attempts > 0 ? job->max_attempts : run->runner->policy->max_attempts;
    switch (run->result->outcome) {
    case HANDLER_DONE:
        return SETTLE_DONE;
    case HANDLER_ABORTED:
        return run->runner->is_at_most_once ? SETTLE_BURY : SETTLE_RELEASE;
    case HANDLER_UNABLE:
        return run->is_told_to_end && !run->runner->is_at_most_once ? SETTLE_RELEASE : SETTLE_RETRY;
    case HANDLER_RETRY:
        if (!run->runner->is_at_most_once && job->history.attempts + 1 < max_attempts)
            return SETTLE_RETRY;
        return SETTLE_BURY;
    case HANDLER_BURY:
        break;
    }
    return SETTLE_BURY;
}

static int64_t run_ms(const struct run *run)
{
    return clock_mono_ms() - run->started_ms;
}

/* Returns how many bytes of the result had to be replaced. */
static int64_t append_told(const struct run *run, enum settle_kind kind, struct buf *out)
{
    const struct handler_result *result = run->result;
    bool is_done = kind == SETTLE_DONE;
    struct buf usage = {0};
    usage_append(&usage, &result->usage, run_ms(run));
    int64_t replaced = job_append_outcome(
        out, &(struct job_outcome){.id = run->id,
                                   .type = slice_of(run->job->type),
                                   .is_done = is_done,
                                   .run = run->job->history.runs + 1,
                                   .usage = buf_slice(&usage),
                                   .text = buf_slice(is_done ? &result->output : &result->error),
                                   .is_json = is_done && result->output_is_json,
                                   .replaced = is_done ? result->output_replaced : 0});
    buf_fini(&usage);
    return replaced;
}

/* A job that is put off counts no run and no attempt. The claim's name keeps two otherwise equal
 * jobs apart, as in every head. */
static void append_head(struct run *run, struct buf *out)
{
    const struct job_history *history = &run->job->history;
    int64_t counts = run->result->outcome == HANDLER_UNABLE ? 0 : 1;
    struct buf usage = {0};
    if (counts)
        usage_append(&usage, &run->result->usage, run_ms(run));
    struct job_head head = {
        .runs = history->runs + counts,
        .crashes = history->crashes + (run->result->is_crash ? 1 : 0),
        .attempts = history->attempts + counts,
        .failed_at_ms = session_server_ms(run->what->session),
        .id = run->id,
        .claim = claim_name(run),
        .error = buf_slice(&run->result->error),
        .usage = buf_slice(&usage),
    };
    job_append_head(out, &head);
    buf_fini(&usage);
}

static int64_t choose_delay_ms(const struct run *run)
{
    const struct job *job = run->job;
    if (run->result->outcome == HANDLER_UNABLE)
        return run->put_off_ms;
    if (run->result->retry_after_ms >= 0)
        return run->result->retry_after_ms;
    const struct retry_backoff *backoff =
        job->has_backoff ? &job->backoff : &run->runner->policy->backoff;
    return retry_delay_ms(backoff, job->history.attempts + 1, id_jitter(UINT64_MAX));
}

/* True if the producer asked to be told how it ends. */
static bool is_asked_for(const struct job *job)
{
    return job->reply[0] || job->keep_ms > 0;
}

static struct ending *make_ending(struct run *run, enum settle_kind kind)
{
    const struct job *job = run->job;
    struct ending *ending = mem_new(sizeof *ending);
    ending->kind = kind;
    ending->was_started = run->has_begun;
    /* Of a job that came in short, only Redis has the whole, and knows what envelope is around
     * it. */
    ending->is_whole = !job->is_enveloped && !run->what->element.is_short;
    ending->original = job->original;
    if (kind == SETTLE_RETRY || kind == SETTLE_BURY)
        append_head(run, &ending->head);
    if (kind == SETTLE_RETRY)
        ending->delay_ms = choose_delay_ms(run);
    if (is_asked_for(job) && (kind == SETTLE_DONE || kind == SETTLE_BURY)) {
        memcpy(ending->reply_name, job->reply, sizeof ending->reply_name);
        if (job->keep_ms > 0)
            memcpy(ending->result_id, job->id, sizeof ending->result_id);
        ending->keep_ms = job->keep_ms;
        ending->replaced = append_told(run, kind, &ending->told);
    }
    return ending;
}

static void log_run(const struct run *run, enum settle_kind kind, const struct ending *ending)
{
    static const char *const messages[SETTLE_KINDS] = {
        [SETTLE_DONE] = "job done",
        [SETTLE_RETRY] = "job failed, will be retried",
        [SETTLE_BURY] = "job is dead",
        [SETTLE_RELEASE] = "job given back",
    };
    bool is_bad = kind == SETTLE_BURY && !run->is_cancelled;
    bool is_unable = run->result->outcome == HANDLER_UNABLE; /* shortage_note() has logged it */
    enum log_level level = is_bad                 ? LOG_ERROR
                           : is_unable            ? LOG_DEBUG
                           : kind == SETTLE_RETRY ? LOG_WARN
                                                  : LOG_INFO;
    if (!log_enabled(level))
        return;
    const struct lease *lease = &run->what->session->lease;
    struct log_field fields[9 + USAGE_FIELDS_MAX] = {
        LOG_STR("queue", lease->queue->name),
        LOG_SLICE("id", run->id),
        LOG_STR("type", run->job->type),
        LOG_INT("run", run->job->history.runs + 1),
        LOG_INT("wait_ms", run->started_ms - run->what->claimed_ms),
        LOG_INT("run_ms", run_ms(run)),
    };
    size_t count = 6;
    count += usage_list(&run->result->usage, fields + count);
    if (ending != NULL && ending->replaced > 0)
        fields[count++] = LOG_INT("replaced_bytes", ending->replaced);
    if (kind == SETTLE_RETRY)
        fields[count++] = LOG_INT("retry_in_ms", ending->delay_ms);
    if (kind == SETTLE_RETRY || kind == SETTLE_BURY)
        fields[count++] = LOG_SLICE("error", buf_slice(&run->result->error));
    const char *message = run->is_cancelled                   ? "job cancelled"
                          : is_unable && kind == SETTLE_RETRY ? "job put off"
                                                              : messages[kind];
    log_line(level, message, fields, count);
}

struct ending *runner_run(const struct runner *runner, const struct runner_job *what,
                          struct runner_scratch *scratch)
{
    struct run run = {
        .observer = {.progress = run_observe_progress, .log = run_observe_log},
        .runner = runner,
        .what = what,
        .job = &scratch->job,
        .result = &scratch->result,
        .started_ms = what->started_us / 1000,
    };
    perform(&run, &scratch->err);
    if (run.result->outcome == HANDLER_ABORTED && runner->is_at_most_once)
        run_fail(&run, HANDLER_ABORTED, "interrupted because its worker stopped");
    enum settle_kind kind = decide(&run);
    bool is_plain = kind == SETTLE_DONE && !is_asked_for(run.job);
    struct ending *ending = is_plain ? NULL : make_ending(&run, kind);
    log_run(&run, kind, ending);
    return ending;
}
