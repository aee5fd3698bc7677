#include "worker/handler/builtin.h"

#include <poll.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"

enum { SLEEP_MAX_MS = INT32_MAX }; /* the longest wait that poll() takes */

static void run_noop(void *state, const struct handler_call *call, struct handler_result *result)
{
    (void)state;
    (void)call;
    result->outcome = HANDLER_DONE;
    result->output_is_json = false;
}

static void run_echo(void *state, const struct handler_call *call, struct handler_result *result)
{
    (void)state;
    struct slice args = call->job->args;
    buf_append_slice(&result->output, args.len > 0 ? args : slice_of("null"));
    result->outcome = HANDLER_DONE;
    result->output_is_json = true;
}

/* True once the descriptor is readable, false when the time is up. */
static bool wait_readable(int fd, int64_t wait_ms)
{
    int64_t deadline = clock_mono_ms() + wait_ms;
    struct pollfd told = {.fd = fd, .events = POLLIN};
    int64_t left = wait_ms;
    do {
        if (poll(&told, 1, (int)left) > 0)
            return true;
        left = deadline - clock_mono_ms();
    } while (left > 0);
    return false;
}

static void run_sleep(void *state, const struct handler_call *call, struct handler_result *result)
{
    (void)state;
    int64_t sleep_ms;
    result->output_is_json = false;
    if (parse_int(call->job->args, 0, SLEEP_MAX_MS, &sleep_ms, NULL) != ST_OK) {
        buf_printf(&result->error, "args of sleep must be a whole number of milliseconds up to %d",
                   SLEEP_MAX_MS);
        result->outcome = HANDLER_BURY;
        return;
    }
    bool is_late = call->timeout_ms > 0 && call->timeout_ms < sleep_ms;
    if (wait_readable(call->abort_fd, is_late ? call->timeout_ms : sleep_ms)) {
        result->outcome = HANDLER_ABORTED;
    } else if (is_late) {
        char after[PARSE_DURATION_MAX];
        buf_printf(&result->error, "timed out after %s",
                   format_duration_ms(call->timeout_ms, after));
        result->outcome = HANDLER_RETRY;
    } else {
        result->outcome = HANDLER_DONE;
    }
}

static void run_fail(void *state, const struct handler_call *call, struct handler_result *result)
{
    (void)state;
    struct slice args = call->job->args;
    if (args.len > 0 && args.ptr[0] == '"')
        json_decode_string(args, &result->error);
    else
        buf_append_slice(&result->error, args.len > 0 ? args : slice_of("failed, as asked"));
    result->outcome = HANDLER_RETRY;
    result->output_is_json = false;
}

const struct handler builtin_handlers[] = {
    {.type = "noop", .run = run_noop},
    {.type = "echo", .run = run_echo},
    {.type = "sleep", .run = run_sleep},
    {.type = "fail", .run = run_fail},
    {.type = NULL},
};
