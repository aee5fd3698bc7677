#include "worker/handler/plugin_job.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/flatten.h"
#include "base/json.h"
#include "base/parse.h"

enum { REASON_BYTES = 2048, PAUSE_MAX_MS = INT32_MAX };

/* ---- beginning and end ---- */

void plugin_job_begin(struct darg_job *job, const struct handler_call *call,
                      struct handler_result *result)
{
    int64_t now_ms = clock_mono_ms();
    bool is_limited = call->timeout_ms > 0 && call->timeout_ms < INT64_MAX - now_ms;
    *job = (struct darg_job){
        .call = call,
        .result = result,
        .stop_ms = is_limited ? now_ms + call->timeout_ms : INT64_MAX,
        .stop_fd = -1,
        .timer_fd = -1,
    };
}

static void close_stop(struct darg_job *job)
{
    if (job->stop_fd >= 0)
        close(job->stop_fd);
    if (job->timer_fd >= 0)
        close(job->timer_fd);
    job->stop_fd = job->timer_fd = -1;
}

void plugin_job_end(struct darg_job *job)
{
    close_stop(job);
    buf_fini(&job->args);
}

static bool is_aborted(const struct darg_job *job)
{
    struct pollfd abort = {.fd = job->call->abort_fd, .events = POLLIN};
    return poll(&abort, 1, 0) > 0;
}

static enum handler_outcome conclude_stopped(struct darg_job *job)
{
    struct buf *error = &job->result->error;
    char timeout[PARSE_DURATION_MAX];
    buf_clear(error);
    if (is_aborted(job)) {
        buf_append_text(error, "told to end");
        return HANDLER_ABORTED;
    }
    if (clock_mono_ms() >= job->stop_ms)
        buf_printf(error, "timed out after %s", format_duration_ms(job->call->timeout_ms, timeout));
    else
        buf_append_text(error, "the handler stopped, but nobody told it to");
    return HANDLER_RETRY;
}

void plugin_job_conclude(struct darg_job *job, int answer)
{
    struct handler_result *result = job->result;
    if (answer == DARG_DONE && !job->is_bad_result) {
        result->outcome = HANDLER_DONE;
        buf_clear(&result->error);
        return;
    }
    buf_clear(&result->output);
    result->output_is_json = false;
    if (answer == DARG_STOPPED) {
        result->outcome = conclude_stopped(job);
        return;
    }
    if (answer != DARG_DONE && answer != DARG_RETRY && answer != DARG_BURY) {
        buf_clear(&result->error);
        buf_printf(&result->error, "the handler returned %d, which is not an outcome", answer);
        answer = DARG_RETRY;
    }
    result->outcome = answer == DARG_RETRY ? HANDLER_RETRY : HANDLER_BURY;
    flatten_text(&result->error);
    if (result->error.len == 0)
        buf_append_text(&result->error, "the handler gave no reason");
}

/* ---- what it is ---- */

const char *darg_job_id(const struct darg_job *job)
{
    return job->call->job->id;
}

const char *darg_job_type(const struct darg_job *job)
{
    return job->call->job->type;
}

const char *darg_job_queue(const struct darg_job *job)
{
    return job->call->queue;
}

const char *darg_job_args(struct darg_job *job, size_t *len)
{
    struct slice args = job->call->job->args;
    /* A copy: in the job's text no NUL follows the args. */
    if (job->args.len == 0)
        buf_append_slice(&job->args, args.len > 0 ? args : slice_of("null"));
    if (len != NULL)
        *len = job->args.len;
    return buf_text(&job->args);
}

int64_t darg_job_run(const struct darg_job *job)
{
    return job->call->run;
}

int64_t darg_job_attempt(const struct darg_job *job)
{
    return job->call->attempt;
}

int64_t darg_job_deadline_ms(const struct darg_job *job)
{
    return job->call->deadline_ms;
}

/* ---- what is said about it ---- */

/* Replaces a refused result by a sentence that says why. */
static int refuse(struct darg_job *job, const char *why)
{
    job->is_bad_result = true;
    buf_clear(&job->result->output);
    buf_clear(&job->result->error);
    buf_append_text(&job->result->error, why);
    return DARG_BURY;
}

static int set_result(struct darg_job *job, struct slice text, bool is_json)
{
    struct handler_result *result = job->result;
    char why[64 + PARSE_BYTES_MAX], limit[PARSE_BYTES_MAX];
    if (text.len > (size_t)job->call->max_output) {
        snprintf(why, sizeof why, "the result is larger than %s (--max-output)",
                 format_bytes(job->call->max_output, limit));
        return refuse(job, why);
    }
    job->is_bad_result = false;
    buf_clear(&result->output);
    buf_append_slice(&result->output, text);
    result->output_is_json = is_json;
    return DARG_DONE;
}

int darg_job_done(struct darg_job *job, const char *json, size_t len)
{
    enum json_type type;
    struct err err = {0};
    struct slice text = {json, len};
    /* One level less, because the result becomes a member of the outcome's object. */
    if (json_check(text, JSON_MAX_DEPTH - 1, &type, &err) == ST_OK)
        return set_result(job, text, true);
    err_prefix(&err, "the result is not JSON");
    return refuse(job, err_text(&err));
}

int darg_job_done_text(struct darg_job *job, const char *text, size_t len)
{
    return set_result(job, (struct slice){text, len}, false);
}

int darg_job_fail(struct darg_job *job, const char *format, ...)
{
    char text[REASON_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_clear(&job->result->error);
    buf_append_text(&job->result->error, len < 0 ? "" : text);
    return DARG_RETRY;
}

void darg_job_retry_after(struct darg_job *job, int64_t pause_ms)
{
    job->result->retry_after_ms = pause_ms < 0              ? 0
                                  : pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS
                                                            : pause_ms;
}

bool darg_job_progress(struct darg_job *job, const char *json)
{
    struct handler_observer *observer = job->call->observer;
    enum json_type type;
    if (json_check(slice_of(json), JSON_MAX_DEPTH - 1, &type, NULL) != ST_OK)
        return false;
    if (observer != NULL)
        observer->progress(observer, slice_of(json));
    return true;
}

void darg_job_log(struct darg_job *job, enum darg_level level, const char *text)
{
    static const enum log_level levels[] = {[DARG_DEBUG] = LOG_DEBUG,
                                            [DARG_INFO] = LOG_INFO,
                                            [DARG_WARN] = LOG_WARN,
                                            [DARG_ERROR] = LOG_ERROR};
    struct handler_observer *observer = job->call->observer;
    bool is_known = (unsigned)level < sizeof levels / sizeof levels[0];
    if (observer != NULL)
        observer->log(observer, is_known ? levels[level] : LOG_INFO, slice_of(text));
}

/* ---- when it is to stop ---- */

bool darg_job_should_stop(const struct darg_job *job)
{
    return clock_mono_ms() >= job->stop_ms || is_aborted(job);
}

static bool watch(const struct darg_job *job, int fd)
{
    struct epoll_event readable = {.events = EPOLLIN};
    return fd >= 0 && epoll_ctl(job->stop_fd, EPOLL_CTL_ADD, fd, &readable) == 0;
}

static bool watch_time(struct darg_job *job)
{
    struct itimerspec at = {
        .it_value = {.tv_sec = job->stop_ms / 1000, .tv_nsec = job->stop_ms % 1000 * 1000000}};
    if (job->stop_ms == INT64_MAX)
        return true;
    job->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    return job->timer_fd >= 0 &&
           timerfd_settime(job->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0 &&
           watch(job, job->timer_fd);
}

int darg_job_stop_fd(struct darg_job *job)
{
    if (job->stop_fd >= 0)
        return job->stop_fd;
    job->stop_fd = epoll_create1(EPOLL_CLOEXEC);
    if (job->stop_fd >= 0 && !(watch(job, job->call->abort_fd) && watch_time(job)))
        close_stop(job);
    return job->stop_fd;
}
