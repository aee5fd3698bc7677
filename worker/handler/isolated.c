#include "worker/handler/isolated.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/parse.h"
#include "stream/talk.h"
#include "worker/handler/isolate.h"

enum { EXIT_CANNOT = 1 };

/* The worker, as this process sees it. */
struct isolated {
    struct handler_observer observer; /* first: its functions cast it back to this struct */
    struct talk talk;
    int term_fd; /* readable once the process has been told to end */
    int64_t max_output;
};

bool isolated_is_wanted(void)
{
    return getenv(ISOLATE_TYPE) != NULL;
}

/* ---- what it says ---- */

static void say_progress(struct handler_observer *observer, struct slice text)
{
    (void)talk_progress(&((const struct isolated *)observer)->talk, text);
}

static void say_log(struct handler_observer *observer, enum log_level level, struct slice text)
{
    (void)talk_log(&((const struct isolated *)observer)->talk, level, text);
}

/* Failures to write are ignored: a worker that reads no more is about to end this process. */
static void answer(const struct talk *talk, const struct handler_result *result)
{
    enum stream_verb verb = result->outcome == HANDLER_BURY     ? STREAM_BURY
                            : result->outcome == HANDLER_UNABLE ? STREAM_UNABLE
                                                                : STREAM_RETRY;
    if (result->outcome == HANDLER_DONE)
        (void)talk_done(talk, buf_slice(&result->output), result->output_is_json);
    else
        (void)talk_fail(talk, verb, buf_slice(&result->error), result->retry_after_ms);
}

/* ---- a job ---- */

static enum status read_text(struct json_value value, char *out, size_t size, struct err *err)
{
    struct buf text = {0};
    if (value.type == JSON_STRING)
        json_decode_string(value.text, &text);
    enum status status = value.type != JSON_STRING || text.len >= size
                             ? err_set(err, ST_PROTOCOL, "the worker's line has no such text")
                             : ST_OK;
    if (status == ST_OK)
        memcpy(out, buf_text(&text), text.len + 1);
    buf_fini(&text);
    return status;
}

static enum status read_call(const struct json_field *fields, struct job *job,
                             char queue[JOB_TYPE_MAX + 1], struct handler_call *call,
                             struct err *err)
{
    enum status status = read_text(fields[STREAM_JOB_ID].value, job->id, sizeof job->id, err);
    if (status == ST_OK)
        status = read_text(fields[STREAM_JOB_TYPE].value, job->type, sizeof job->type, err);
    if (status == ST_OK)
        status = read_text(fields[STREAM_JOB_QUEUE].value, queue, JOB_TYPE_MAX + 1, err);
    if (status == ST_OK)
        status = json_read_int(fields[STREAM_JOB_RUN].value, 0, INT64_MAX, &call->run, err);
    if (status == ST_OK)
        status = json_read_int(fields[STREAM_JOB_ATTEMPT].value, 0, INT64_MAX, &call->attempt, err);
    if (status == ST_OK)
        status =
            json_read_int(fields[STREAM_JOB_DEADLINE].value, 0, INT64_MAX, &call->deadline_ms, err);
    job->args = fields[STREAM_JOB_ARGS].value.text;
    return status;
}

static enum status run_job(struct isolated *self, const struct handler *handler,
                           const struct talk_job *line, struct err *err)
{
    struct job job = {.type = ""};
    char queue[JOB_TYPE_MAX + 1];
    struct handler_result result = {.retry_after_ms = -1};
    struct handler_call call = {.job = &job,
                                .queue = queue,
                                .max_output = self->max_output,
                                .observer = &self->observer,
                                .abort_fd = self->term_fd};
    enum status status = read_call(line->fields, &job, queue, &call, err);
    if (status != ST_OK)
        return status;
    /* Without a timeout here: the worker watches the time, and sends TERM. */
    handler->run(handler->state, &call, &result);
    /* If it was told to end, no answer is expected: the worker knows why. */
    if (result.outcome != HANDLER_ABORTED)
        answer(&self->talk, &result);
    buf_fini(&result.output);
    buf_fini(&result.error);
    return ST_OK;
}

/* ---- the process ---- */

/* Moves the protocol to other descriptors, so that what the handler prints goes to the worker's log
 * and not into the protocol. */
static enum status take_streams(struct isolated *self, struct err *err)
{
    self->talk.input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    self->talk.output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool is_done = self->talk.input >= 0 && self->talk.output >= 0 && nothing >= 0 &&
                   dup2(nothing, STDIN_FILENO) == STDIN_FILENO &&
                   dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO;
    if (nothing >= 0)
        close(nothing);
    /* By lines, as to a terminal: output should reach the log when it is written, and not be lost
     * if the process is killed. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return is_done ? ST_OK : err_system(err, errno, "cannot take the standard streams");
}

/* TERM is blocked before the handler can start threads, which inherit that, and read from a
 * descriptor: a signal handler could do nothing useful, and might interrupt the job anywhere. */
static enum status take_signals(struct isolated *self, struct err *err)
{
    sigset_t signals;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self->term_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->term_fd < 0 ? err_system(err, errno, "cannot read signals") : ST_OK;
}

static bool is_told_to_end(const struct isolated *self)
{
    struct pollfd term = {.fd = self->term_fd, .events = POLLIN};
    return poll(&term, 1, 0) > 0;
}

/* Index of the plugin's handler for the type, or *count if it has none. */
static size_t find_handler(const struct plugin *plugin, const char *type, size_t *count)
{
    const struct darg_handler *handlers = plugin_handlers(plugin, count);
    size_t i = 0;
    while (i < *count && strcmp(handlers[i].type, type) != 0)
        i++;
    return i;
}

static enum status serve(struct isolated *self, struct plugin *plugin, const char *type,
                         struct err *err)
{
    size_t count;
    size_t index = find_handler(plugin, type, &count);
    if (index == count)
        return err_set(err, ST_INVALID, "there is no longer a handler for '%s'", type);
    enum status status = plugin_begin(plugin, err);
    if (status != ST_OK)
        return status;
    struct handler handler = plugin_handler(plugin, index);
    struct talk_job job;
    enum talk_next next = talk_begin(&self->talk, err);
    while (status == ST_OK && next == TALK_JOB && !is_told_to_end(self)) {
        next = talk_next(&self->talk, &job, err);
        if (next == TALK_JOB)
            status = run_job(self, &handler, &job, err);
    }
    plugin_end(plugin);
    handler.free_state(handler.state);
    return next == TALK_BROKEN ? err->status : status;
}

int isolated_run(struct plugin *own)
{
    struct isolated self = {.observer = {say_progress, say_log},
                            .talk = {.input = -1, .output = -1}};
    struct err err = {0};
    const char *type = getenv(ISOLATE_TYPE);
    const char *option = getenv(ISOLATE_PLUGIN);
    const char *max_output = getenv(ISOLATE_MAX_OUTPUT);
    struct plugin *loaded = NULL;
    prctl(PR_SET_NAME, "darg-isolated");
    enum status status =
        parse_int(slice_of(max_output ? max_output : ""), 0, INT64_MAX, &self.max_output, &err);
    bool is_short = false; /* descriptors ran out before any job was read: it may pass */
    if (status == ST_OK) {
        status = take_streams(&self, &err);
        if (status == ST_OK)
            status = take_signals(&self, &err);
        is_short = status != ST_OK;
    }
    if (status == ST_OK && option != NULL)
        status = plugin_open(option, &loaded, &err);
    if (status == ST_OK && loaded == NULL && own == NULL)
        status = err_set(&err, ST_INVALID, "this program has no handlers of its own");
    if (status == ST_OK)
        status = serve(&self, loaded != NULL ? loaded : own, type ? type : "", &err);
    if (status != ST_OK)
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, err_text(&err));
    plugin_release(loaded);
    talk_fini(&self.talk);
    return status == ST_OK ? EX_OK : is_short ? EX_TEMPFAIL : EXIT_CANNOT;
}
