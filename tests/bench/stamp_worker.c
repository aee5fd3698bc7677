/* darg-worker as it is, but for its built-in handlers: those here note in the histogram of the file
 * $BENCH_STAMPS how long ago a job was pushed (args: clock_mono_us() of the producer; the clock is
 * the same for all processes of a machine).
 *
 *   noop         does nothing and notes nothing
 *   stamp        notes it and ends
 *   stamp_5ms    notes it and then takes 5 ms
 *   nap          takes as many ms as the first number of its args says, and adds a line to the file
 *                $BENCH_TRACE: the job's id, start and end in us, the second number of its args
 *
 * builtin_handlers is defined here, so the linker leaves that one module of the worker's out. */
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "support/histogram.h"
#include "worker/handler/builtin.h"
#include "worker/process/supervisor.h"
#include "worker/settings/options.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { NAP_MS = 5 };

static struct histogram *stamps;
static int trace;

static void open_stamps(void)
{
    stamps = histogram_open(getenv("BENCH_STAMPS"));
}

static void note(const struct handler_call *call)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int64_t now_us = clock_mono_us(), pushed_us = 0;
    struct err err = {0};
    pthread_once(&once, open_stamps);
    ensure(parse_int(call->job->args, 0, INT64_MAX, &pushed_us, &err) == ST_OK, "%s",
           err_text(&err));
    histogram_add(stamps, now_us - pushed_us);
}

static void run_noop(void *state, const struct handler_call *call, struct handler_result *result)
{
    (void)state;
    (void)call;
    result->outcome = HANDLER_DONE;
}

static void run_stamp(void *state, const struct handler_call *call, struct handler_result *result)
{
    note(call);
    run_noop(state, call, result);
}

static void run_stamp_and_nap(void *state, const struct handler_call *call,
                              struct handler_result *result)
{
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    note(call);
    nanosleep(&nap, NULL);
    run_noop(state, call, result);
}

static void open_trace(void)
{
    const char *path = getenv("BENCH_TRACE");
    ensure(path != NULL, "$BENCH_TRACE is not set");
    trace = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    ensure(trace >= 0, "%s cannot be opened", path);
}

static void run_nap(void *state, const struct handler_call *call, struct handler_result *result)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int64_t start_us = clock_mono_us();
    long long ms, place;
    struct buf line = {0};
    pthread_once(&once, open_trace);
    buf_append_slice(&line, call->job->args);
    ensure(sscanf(buf_text(&line), "[%lld,%lld]", &ms, &place) == 2, "%s", buf_text(&line));
    const struct timespec nap = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&nap, NULL);
    buf_clear(&line);
    buf_printf(&line, "%s %lld %lld %lld\n", call->job->id, (long long)start_us,
               (long long)clock_mono_us(), place);
    ensure(write(trace, line.ptr, line.len) == (ssize_t)line.len, "the trace cannot be written");
    buf_fini(&line);
    run_noop(state, call, result);
}

const struct handler builtin_handlers[] = {
    {.type = "noop", .run = run_noop},
    {.type = "stamp", .run = run_stamp},
    {.type = "stamp_5ms", .run = run_stamp_and_nap},
    {.type = "nap", .run = run_nap},
    {.type = NULL},
};

int main(int argc, char **argv)
{
    struct worker_options options;
    struct err err = {0};
    bool is_over = false;
    bool is_ready =
        worker_options_read(argc, argv, NULL, &options, &is_over, &err) == ST_OK &&
        log_open(options.log.level, options.log.format, options.log.file, &err) == ST_OK;
    if (!is_ready)
        fprintf(stderr, "stamp_worker: %s\n", err_text(&err));
    int code = !is_ready ? 2 : is_over ? 0 : supervisor_run(&options, NULL);
    worker_options_fini(&options);
    return code;
}
