#include "worker/handler/stream_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    CHUNK_BYTES = 64 << 10,      /* read at once */
    KEPT_BYTES = 1 << 20,        /* capacity that is kept after a long line */
    ERRORS_KEPT_BYTES = 2 << 10, /* as much as for a program that runs once */
    REMARK_BYTES = 1 << 10,      /* of standard error per line of the log */
    REMARKS_MAX = 100,           /* lines of standard error that are logged per job */
    PIPE_MAX_BYTES = 1 << 20,    /* the most that a pipe can hold if an ordinary user enlarges it */
    TICK_MS = 10,                /* without a pidfd: how often to check whether it has ended */
};

/* ---- standard error ---- */

static void log_remark(struct stream_child *child, struct slice text)
{
    if (child->observer)
        child->observer->log(child->observer, LOG_INFO, text);
    else
        log_fields(LOG_INFO, "message from a handler", LOG_STR("program", child->program),
                   LOG_SLICE("said", text));
}

static void end_remark(struct stream_child *child)
{
    if (child->remark.len > 0 && child->remarks < REMARKS_MAX)
        log_remark(child, buf_slice(&child->remark));
    else if (child->remark.len > 0 && child->remarks == REMARKS_MAX)
        log_remark(child, slice_of("(more on standard error, left out until its next job)"));
    child->remarks += child->remarks <= REMARKS_MAX && child->remark.len > 0;
    buf_clear(&child->remark);
}

/* Lines that are too long for the log are logged in pieces. */
static void hear(struct stream_child *child, struct slice text)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        size_t room = REMARK_BYTES - child->remark.len;
        size_t taken = len < room ? len : room;
        buf_append(&child->remark, text.ptr, taken);
        bool is_whole = end && taken == len;
        text.ptr += taken + is_whole;
        text.len -= taken + is_whole;
        if (is_whole || child->remark.len == REMARK_BYTES)
            end_remark(child);
    }
}

/* ---- pipes ---- */

/* Returns the bytes read; 0: none now. Closes a pipe that has ended. */
static size_t take(int *fd, char *chunk)
{
    ssize_t got = *fd < 0 ? -1 : read(*fd, chunk, CHUNK_BYTES);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        spawn_close(fd);
    return got > 0 ? (size_t)got : 0;
}

static bool take_errors(struct stream_child *child)
{
    char chunk[CHUNK_BYTES];
    size_t got = take(&child->process.errors, chunk);
    size_t kept = got < ERRORS_KEPT_BYTES ? got : ERRORS_KEPT_BYTES;
    buf_append(&child->errors, chunk + got - kept, kept);
    if (child->errors.len > ERRORS_KEPT_BYTES)
        buf_consume(&child->errors, child->errors.len - ERRORS_KEPT_BYTES);
    hear(child, (struct slice){chunk, got});
    return got > 0;
}

/* Lines that were given out are dropped before more is read, once for many lines: moving the rest
 * up after each would cost time in proportion to its length. */
static void compact(struct stream_child *child)
{
    buf_consume(&child->output, child->taken);
    child->searched -= child->taken;
    child->taken = 0;
    if (child->output.len == 0 && child->output.capacity > KEPT_BYTES)
        buf_fini(&child->output);
}

static bool take_output(struct stream_child *child)
{
    char chunk[CHUNK_BYTES];
    size_t got = take(&child->process.output, chunk);
    if (child->taken > 0)
        compact(child);
    buf_append(&child->output, chunk, got);
    return got > 0;
}

static void feed(struct stream_child *child)
{
    size_t left = child->input.len - child->written;
    if (child->process.input < 0 || left == 0)
        return;
    ssize_t put = write(child->process.input, child->input.ptr + child->written, left);
    if (put > 0)
        child->written += (size_t)put;
    else if (put < 0 && errno != EAGAIN && errno != EINTR)
        spawn_close(&child->process.input); /* it has stopped reading; its end will tell why */
    if (child->written == child->input.len) {
        buf_clear(&child->input);
        child->written = 0;
    }
}

/* ---- waiting ---- */

static int wait_ms(const struct stream_child *child, int64_t until_ms)
{
    int64_t wait = INT_MAX;
    if (until_ms != INT64_MAX)
        wait = until_ms - clock_mono_ms();
    wait = wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : wait;
    return (int)(child->process.pidfd < 0 && wait > TICK_MS ? TICK_MS : wait);
}

bool stream_child_attend(struct stream_child *child, int wake_fd, int64_t until_ms)
{
    enum { WAKE, PROCESS, INPUT, OUTPUT, ERRORS, COUNT };
    feed(child);
    const struct spawn_child *process = &child->process;
    bool has_input = child->input.len > 0;
    struct pollfd fds[COUNT] = {
        [WAKE] = {.fd = wake_fd, .events = POLLIN},
        [PROCESS] = {.fd = process->pidfd, .events = POLLIN},
        [INPUT] = {.fd = has_input ? process->input : -1, .events = POLLOUT},
        [OUTPUT] = {.fd = process->output, .events = POLLIN},
        [ERRORS] = {.fd = process->errors, .events = POLLIN},
    };
    if (poll(fds, COUNT, wait_ms(child, until_ms)) <= 0)
        return false;
    if (fds[OUTPUT].revents)
        take_output(child);
    if (fds[ERRORS].revents)
        take_errors(child);
    return fds[WAKE].revents != 0;
}

bool stream_child_next_line(struct stream_child *child, struct slice *line)
{
    const struct buf *output = &child->output;
    if (child->searched == output->len)
        return false;
    const char *from = output->ptr + child->searched;
    const char *end = memchr(from, '\n', output->len - child->searched);
    if (!end) {
        child->searched = output->len;
        return false;
    }
    *line = (struct slice){output->ptr + child->taken, (size_t)(end - output->ptr) - child->taken};
    child->taken += line->len + 1;
    child->searched = child->taken;
    return true;
}

struct slice stream_child_partial(const struct stream_child *child)
{
    size_t len = child->output.len - child->taken;
    return (struct slice){len > 0 ? child->output.ptr + child->taken : NULL, len};
}

/* What it has not read is still in the pipe, even after its death, as long as our end is open. */
bool stream_child_has_read(const struct stream_child *child, size_t len)
{
    int unread = 0;
    if (child->input.len > 0)
        return false;
    return ioctl(child->process.input, FIONREAD, &unread) != 0 || (size_t)unread < len;
}

bool stream_child_has_ended(struct stream_child *child)
{
    bool is_lost;
    return spawn_has_ended(&child->process, &is_lost);
}

/* ---- beginning and end ---- */

enum status stream_child_start(struct stream_child *child, const struct command *command,
                               struct err *err)
{
    struct spawn_program program = {.path = command->program,
                                    .argv = command->words,
                                    .environment = command->environment,
                                    .limits = command->limits,
                                    .oom_kills = command->oom_kills,
                                    .home = &command->home,
                                    .files = command->files,
                                    .is_lasting = true};
    struct spawn_child process;
    enum status status = spawn_start(&program, &process, err);
    if (status != ST_OK)
        return status;
    child->is_running = true;
    child->process = process;
    child->program = command->words[0];
    buf_clear(&child->input);
    buf_clear(&child->output);
    buf_clear(&child->remark);
    child->written = child->taken = child->searched = 0;
    return ST_OK;
}

void stream_child_begin(struct stream_child *child, struct handler_observer *observer)
{
    child->observer = observer;
    child->remarks = 0;
    buf_clear(&child->errors);
}

void stream_child_ask(struct stream_child *child)
{
    spawn_close(&child->process.input);
}

/* If somebody else has waited for it, its pid may be anyone's: no signal may be sent. */
static bool is_lost_to_others(const struct stream_child *child)
{
    bool is_lost;
    return spawn_has_ended(&child->process, &is_lost) && is_lost;
}

void stream_child_term(struct stream_child *child)
{
    bool is_lost = is_lost_to_others(child);
    if (is_lost)
        return;
    spawn_signal(&child->process, SIGTERM);
    spawn_signal(&child->process, SIGCONT);
}

bool stream_child_wait(struct stream_child *child, int64_t until_ms)
{
    bool is_over = false;
    while (!stream_child_has_ended(child) && !is_over) {
        is_over = clock_mono_ms() >= until_ms;
        stream_child_attend(child, -1, until_ms);
        child->taken = child->searched = child->output.len;
    }
    return stream_child_has_ended(child);
}

bool stream_child_has_written(const struct stream_child *child)
{
    struct pollfd fds[] = {{.fd = child->process.output, .events = POLLIN},
                           {.fd = child->process.errors, .events = POLLIN}};
    return poll(fds, 2, 0) > 0;
}

/* Limited to what a pipe can hold: a process that has left the group may go on writing for ever. */
bool stream_child_catch_up(struct stream_child *child)
{
    bool any = true, any_output = false;
    for (int i = 0; any && i <= PIPE_MAX_BYTES / CHUNK_BYTES; i++) {
        any_output = take_output(child);
        any = take_errors(child) || any_output;
    }
    return !any_output;
}

void stream_child_reap(struct stream_child *child, struct death *death)
{
    bool is_lost = is_lost_to_others(child);
    if (!is_lost)
        spawn_signal(&child->process, SIGKILL);
    spawn_wait(&child->process, is_lost, death);
    (void)!stream_child_catch_up(child);
    end_remark(child);
    spawn_close(&child->process.input);
    spawn_close(&child->process.output);
    spawn_close(&child->process.errors);
    spawn_close(&child->process.pidfd);
    child->is_running = false;
}

void stream_child_fini(struct stream_child *child)
{
    buf_fini(&child->input);
    buf_fini(&child->output);
    buf_fini(&child->errors);
    buf_fini(&child->remark);
}
