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

#include "base/flatten.h"
#include "base/json.h"
#include "base/parse.h"
#include "worker/handler/isolate.h"
#include "worker/handler/stream_message.h"

enum { CHUNK_BYTES = 64 << 10, EXIT_CANNOT = 1 };

/* The worker, as this process sees it. */
struct talk {
    struct handler_observer observer; /* first: what it is told, this talk is told */
    int input, output;
    int term_fd; /* readable once the process is to end */
    struct buf read;
    size_t taken;           /* bytes of `read` that were lines */
    struct slice id, nonce; /* of the job, as JSON */
    int64_t max_output;
};

bool isolated_is_wanted(void)
{
    return getenv(ISOLATE_TYPE) != NULL;
}

/* ---- lines ---- */

/* The next line without its end, borrowed until the next call; false: there are no more. */
static bool next_line(struct talk *talk, struct slice *line)
{
    buf_consume(&talk->read, talk->taken);
    talk->taken = 0;
    size_t searched = 0;
    for (;;) {
        struct buf *read_so_far = &talk->read;
        const char *end = read_so_far->len == searched ? NULL
                                                       : memchr(read_so_far->ptr + searched, '\n',
                                                                read_so_far->len - searched);
        if (end != NULL) {
            *line = (struct slice){read_so_far->ptr, (size_t)(end - read_so_far->ptr)};
            talk->taken = line->len + 1;
            return true;
        }
        searched = read_so_far->len;
        buf_reserve(read_so_far, CHUNK_BYTES);
        ssize_t got = read(talk->input, read_so_far->ptr + searched, CHUNK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        read_so_far->len += (size_t)got;
    }
}

/* A worker that reads no more is about to end this process. */
static void put(const struct talk *talk, struct buf *line)
{
    buf_append_char(line, '\n');
    for (size_t done = 0; done < line->len;) {
        ssize_t put = write(talk->output, line->ptr + done, line->len - done);
        if (put < 0 && errno != EINTR)
            break;
        done += put > 0 ? (size_t)put : 0;
    }
    buf_fini(line);
}

static void begin_line(const struct talk *talk, const char *verb, struct buf *line)
{
    buf_append_text(line, "{\"id\":");
    buf_append_slice(line, talk->id);
    buf_append_text(line, ",\"nonce\":");
    buf_append_slice(line, talk->nonce);
    buf_printf(line, ",\"%s\":", verb);
}

static void say_progress(struct handler_observer *observer, struct slice text)
{
    const struct talk *talk = (const struct talk *)observer;
    struct buf line = {0};
    begin_line(talk, "progress", &line);
    flatten_json(&line, text);
    buf_append_char(&line, '}');
    put(talk, &line);
}

static void say_log(struct handler_observer *observer, enum log_level level, struct slice text)
{
    struct buf line = {0};
    buf_append_text(&line, "{\"log\":");
    json_append_string(&line, text);
    buf_printf(&line, ",\"level\":\"%s\"}", log_level_name(level));
    put((const struct talk *)observer, &line);
}

static void answer(const struct talk *talk, const struct handler_result *result)
{
    struct buf line = {0};
    if (result->outcome == HANDLER_DONE) {
        begin_line(talk, "done", &line);
        size_t replaced = 0;
        if (result->output_is_json)
            flatten_json(&line, buf_slice(&result->output));
        else
            replaced = json_append_string(&line, buf_slice(&result->output));
        if (replaced > 0)
            buf_printf(&line, ",\"replaced_bytes\":%zu", replaced);
    } else {
        const char *verb = result->outcome == HANDLER_BURY     ? "bury"
                           : result->outcome == HANDLER_UNABLE ? "unable"
                                                               : "retry";
        begin_line(talk, verb, &line);
        json_append_string(&line, buf_slice(&result->error));
        if (result->outcome == HANDLER_RETRY && result->retry_after_ms >= 0)
            buf_printf(&line, ",\"delay_ms\":%lld", (long long)result->retry_after_ms);
    }
    buf_append_char(&line, '}');
    put(talk, &line);
}

/* ---- a job ---- */

enum { ID, TYPE, QUEUE, RUN, ATTEMPT, DEADLINE, NONCE, ARGS, FIELDS };

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

static enum status read_call(struct json_field *fields, struct job *job,
                             char queue[JOB_TYPE_MAX + 1], struct handler_call *call,
                             struct err *err)
{
    enum status status = read_text(fields[ID].value, job->id, sizeof job->id, err);
    if (status == ST_OK)
        status = read_text(fields[TYPE].value, job->type, sizeof job->type, err);
    if (status == ST_OK)
        status = read_text(fields[QUEUE].value, queue, JOB_TYPE_MAX + 1, err);
    if (status == ST_OK)
        status = json_read_int(fields[RUN].value, 0, INT64_MAX, &call->run, err);
    if (status == ST_OK)
        status = json_read_int(fields[ATTEMPT].value, 0, INT64_MAX, &call->attempt, err);
    if (status == ST_OK)
        status = json_read_int(fields[DEADLINE].value, 0, INT64_MAX, &call->deadline_ms, err);
    job->args = fields[ARGS].value.text;
    return status;
}

static enum status run_line(struct talk *talk, const struct handler *handler, struct slice line,
                            struct err *err)
{
    struct json_field fields[FIELDS] = {
        [ID] = {.name = "id"},           [TYPE] = {.name = "type"},
        [QUEUE] = {.name = "queue"},     [RUN] = {.name = "run"},
        [ATTEMPT] = {.name = "attempt"}, [DEADLINE] = {.name = "deadline_ms"},
        [NONCE] = {.name = "nonce"},     [ARGS] = {.name = "args"},
    };
    struct job job = {.type = ""};
    char queue[JOB_TYPE_MAX + 1];
    struct handler_result result = {.retry_after_ms = -1};
    struct handler_call call = {.job = &job,
                                .queue = queue,
                                .max_output = talk->max_output,
                                .observer = &talk->observer,
                                .abort_fd = talk->term_fd};
    enum status status = json_read_object(line, JSON_MAX_DEPTH + 1, fields, FIELDS, err);
    if (status == ST_OK)
        status = read_call(fields, &job, queue, &call, err);
    if (status != ST_OK)
        return status;
    /* Without a time-out of its own: the worker watches the time, and sends TERM. */
    talk->id = fields[ID].value.text;
    talk->nonce = fields[NONCE].value.text;
    handler->run(handler->state, &call, &result);
    /* Told to end, it has nothing to answer: the worker knows why. */
    if (result.outcome != HANDLER_ABORTED)
        answer(talk, &result);
    buf_fini(&result.output);
    buf_fini(&result.error);
    return ST_OK;
}

/* ---- the process ---- */

/* What the handler prints goes to the worker's log, not into the protocol. */
static enum status take_streams(struct talk *talk, struct err *err)
{
    talk->input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    talk->output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool is_done = talk->input >= 0 && talk->output >= 0 && nothing >= 0 &&
                   dup2(nothing, STDIN_FILENO) == STDIN_FILENO &&
                   dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO;
    if (nothing >= 0)
        close(nothing);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return is_done ? ST_OK : err_system(err, errno, "cannot take the standard streams");
}

/* Blocked before the handler can have threads, and read from a descriptor. */
static enum status take_signals(struct talk *talk, struct err *err)
{
    sigset_t signals;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    talk->term_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return talk->term_fd < 0 ? err_system(err, errno, "cannot read signals") : ST_OK;
}

static bool is_told_to_end(const struct talk *talk)
{
    struct pollfd term = {.fd = talk->term_fd, .events = POLLIN};
    return poll(&term, 1, 0) > 0;
}

/* Index of the plugin's handler for the type, or its count. */
static size_t find_handler(const struct plugin *plugin, const char *type, size_t *count)
{
    const struct darg_handler *handlers = plugin_handlers(plugin, count);
    size_t i = 0;
    while (i < *count && strcmp(handlers[i].type, type) != 0)
        i++;
    return i;
}

static enum status serve(struct talk *talk, struct plugin *plugin, const char *type,
                         struct err *err)
{
    size_t count;
    size_t index = find_handler(plugin, type, &count);
    if (index == count)
        return err_set(err, ST_INVALID, "there is no handler for '%s' any more", type);
    enum status status = plugin_begin(plugin, err);
    if (status != ST_OK)
        return status;
    struct handler handler = plugin_handler(plugin, index);
    struct slice line;
    /* The first line is the hello of a worker that is this same program. */
    bool is_hello = true;
    struct buf version = {0};
    buf_printf(&version, "{\"darg\":%d}", STREAM_PROTOCOL_MAX);
    put(talk, &version);
    while (status == ST_OK && !is_told_to_end(talk) && next_line(talk, &line)) {
        if (!is_hello)
            status = run_line(talk, &handler, line, err);
        is_hello = false;
    }
    plugin_end(plugin);
    handler.free_state(handler.state);
    return status;
}

int isolated_run(struct plugin *own)
{
    struct talk talk = {.observer = {say_progress, say_log}, .input = -1, .output = -1};
    struct err err = {0};
    const char *type = getenv(ISOLATE_TYPE);
    const char *option = getenv(ISOLATE_PLUGIN);
    const char *max_output = getenv(ISOLATE_MAX_OUTPUT);
    struct plugin *loaded = NULL;
    prctl(PR_SET_NAME, "darg-isolated");
    enum status status =
        parse_int(slice_of(max_output ? max_output : ""), 0, INT64_MAX, &talk.max_output, &err);
    bool is_short = false; /* of descriptors: no job has been read */
    if (status == ST_OK) {
        status = take_streams(&talk, &err);
        if (status == ST_OK)
            status = take_signals(&talk, &err);
        is_short = status != ST_OK;
    }
    if (status == ST_OK && option != NULL)
        status = plugin_open(option, &loaded, &err);
    if (status == ST_OK && loaded == NULL && own == NULL)
        status = err_set(&err, ST_INVALID, "this program has no handlers of its own");
    if (status == ST_OK)
        status = serve(&talk, loaded != NULL ? loaded : own, type ? type : "", &err);
    if (status != ST_OK)
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, err_text(&err));
    plugin_release(loaded);
    buf_fini(&talk.read);
    return status == ST_OK ? EX_OK : is_short ? EX_TEMPFAIL : EXIT_CANNOT;
}
