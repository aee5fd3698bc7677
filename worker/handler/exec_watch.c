#include "worker/handler/exec_watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    CHUNK_BYTES = 16 << 10,
    ERRORS_KEPT_BYTES = 2 << 10,
    PIPE_MAX_BYTES = 1 << 20, /* the most that a pipe can hold if an ordinary user enlarges it */
    TIMEOUT_GRACE_MS = 2000,
    ABORT_GRACE_MS = 1000,
    TICK_MS = 10, /* without a pidfd: how often to check whether it has ended */
};

static const int64_t never = INT64_MAX;

struct watch {
    struct spawn_child *child;
    const struct handler_call *call;
    struct handler_result *result;
    struct slice input;  /* what is still to be written */
    enum exec_end end;   /* EXEC_ENDED unless something else was decided */
    int64_t deadline_ms; /* monotonic: when to ask it to end; once asked, when to kill it */
};

/* ---- signals ---- */

static void send_signal(const struct watch *watch, int signal)
{
    if (watch->end != EXEC_LOST)
        spawn_signal(watch->child, signal);
}

/* SIGCONT, because a stopped program does not receive the SIGTERM before it continues. */
static void ask_to_end(struct watch *watch, enum exec_end why, int64_t grace_ms)
{
    watch->end = why;
    watch->deadline_ms = clock_mono_ms() + grace_ms;
    send_signal(watch, SIGTERM);
    send_signal(watch, SIGCONT);
}

static void make_end(struct watch *watch)
{
    watch->deadline_ms = never;
    send_signal(watch, SIGKILL);
}

/* ---- pipes ---- */

static void feed(struct watch *watch)
{
    int *fd = &watch->child->input;
    if (*fd < 0)
        return;
    if (watch->input.len > 0) {
        ssize_t put = write(*fd, watch->input.ptr, watch->input.len);
        if (put > 0) {
            watch->input.ptr += put;
            watch->input.len -= (size_t)put;
        } else if (put < 0 && errno != EAGAIN && errno != EINTR) {
            watch->input.len = 0; /* it has closed its input, as it may */
        }
    }
    if (watch->input.len == 0)
        spawn_close(fd);
}

/* Reads once; true if there was something. */
static bool take(int *fd, struct buf *into)
{
    char chunk[CHUNK_BYTES];
    ssize_t got = *fd < 0 ? 0 : read(*fd, chunk, sizeof chunk);
    if (got > 0)
        buf_append(into, chunk, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        spawn_close(fd);
    return got > 0;
}

static bool take_output(struct watch *watch)
{
    struct buf *output = &watch->result->output;
    bool any = take(&watch->child->output, output);
    if (any && output->len > (size_t)watch->call->max_output) {
        spawn_close(&watch->child->output);
        if (watch->end == EXEC_ENDED)
            watch->end = EXEC_TOO_LARGE;
        make_end(watch);
    }
    return any;
}

static bool take_errors(struct watch *watch)
{
    struct buf *errors = &watch->result->error;
    bool any = take(&watch->child->errors, errors);
    if (errors->len > ERRORS_KEPT_BYTES)
        buf_consume(errors, errors->len - ERRORS_KEPT_BYTES);
    return any;
}

/* Reads what lies in the pipes, not up to their end: a process that left the group may keep them
 * open, and go on writing, for ever. So it reads no more than a pipe can hold. */
static void take_rest(struct watch *watch)
{
    bool any = true;
    for (int i = 0; any && i <= PIPE_MAX_BYTES / CHUNK_BYTES; i++) {
        any = take_output(watch);
        any = take_errors(watch) || any;
    }
}

/* ---- the loop ---- */

static bool has_ended(struct watch *watch)
{
    bool is_lost;
    bool has_ended = spawn_has_ended(watch->child, &is_lost);
    if (is_lost)
        watch->end = EXEC_LOST;
    return has_ended;
}

static int wait_ms(const struct watch *watch)
{
    int64_t wait = -1;
    if (watch->deadline_ms != never) {
        wait = watch->deadline_ms - clock_mono_ms();
        wait = wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : wait;
    }
    if (watch->child->pidfd < 0 && (wait < 0 || wait > TICK_MS))
        wait = TICK_MS;
    return (int)wait;
}

/* Waits for something to happen and acts on it; false once the program has ended. If a program ends
 * at the moment it would be told to, it counts as having ended by itself. */
static bool step(struct watch *watch)
{
    enum { ABORT, PROCESS, INPUT, OUTPUT, ERRORS, COUNT };
    const struct spawn_child *child = watch->child;
    struct pollfd fds[COUNT] = {
        [ABORT] = {.fd = watch->end == EXEC_ENDED ? watch->call->abort_fd : -1, .events = POLLIN},
        [PROCESS] = {.fd = child->pidfd, .events = POLLIN},
        [INPUT] = {.fd = child->input, .events = POLLOUT},
        [OUTPUT] = {.fd = child->output, .events = POLLIN},
        [ERRORS] = {.fd = child->errors, .events = POLLIN},
    };
    bool happened = poll(fds, COUNT, wait_ms(watch)) > 0;
    if (has_ended(watch))
        return false;
    if (happened && fds[INPUT].revents)
        feed(watch);
    if (happened && fds[OUTPUT].revents)
        take_output(watch);
    if (happened && fds[ERRORS].revents)
        take_errors(watch);
    if (happened && fds[ABORT].revents && watch->end == EXEC_ENDED)
        ask_to_end(watch, EXEC_ABORTED, ABORT_GRACE_MS);
    else if (clock_mono_ms() >= watch->deadline_ms && watch->end == EXEC_ENDED)
        ask_to_end(watch, EXEC_TIMED_OUT, TIMEOUT_GRACE_MS);
    else if (clock_mono_ms() >= watch->deadline_ms)
        make_end(watch);
    return true;
}

enum exec_end exec_watch(struct spawn_child *child, struct slice input,
                         const struct handler_call *call, struct handler_result *result,
                         struct death *death)
{
    struct watch watch = {.child = child, .call = call, .result = result, .input = input};
    int64_t now = clock_mono_ms();
    bool is_limited = call->timeout_ms > 0 && call->timeout_ms < never - now;
    watch.deadline_ms = is_limited ? now + call->timeout_ms : never;
    feed(&watch);
    while (step(&watch))
        ;
    make_end(&watch);
    take_rest(&watch);
    spawn_wait(child, watch.end == EXEC_LOST, death);
    spawn_close(&child->input);
    spawn_close(&child->output);
    spawn_close(&child->errors);
    spawn_close(&child->pidfd);
    return watch.end;
}
