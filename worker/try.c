#include "worker/try.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "worker/program/cgroup.h"

enum { EXIT_FAILED = 1, EXIT_UNFIT = 2 };

/* ---- what it says ---- */

static void print_progress(struct handler_observer *observer, struct slice text)
{
    (void)observer;
    fprintf(stderr, "progress: %.*s\n", (int)text.len, text.ptr);
}

static void print_log(struct handler_observer *observer, enum log_level level, struct slice text)
{
    (void)observer;
    fprintf(stderr, "log (%s): %.*s\n", log_level_name(level), (int)text.len, text.ptr);
}

static void print_usage(const struct usage *usage, int64_t wall_ms)
{
    char text[PARSE_DURATION_MAX], peak[PARSE_BYTES_MAX];
    if (!usage->is_known)
        return;
    fprintf(stderr, "it took %s", format_duration_ms(wall_ms, text));
    fprintf(stderr, ", with %s of CPU time", format_duration_ms(usage->cpu_us / 1000, text));
    if (usage->system_us >= 0)
        fprintf(stderr, ", %s of it in the kernel",
                format_duration_ms(usage->system_us / 1000, text));
    if (usage->peak_bytes > 0)
        fprintf(stderr, ", and had %s at most", format_bytes(usage->peak_bytes, peak));
    fputc('\n', stderr);
}

static int print_end(const struct handler_result *result)
{
    char after[PARSE_DURATION_MAX];
    const char *error = buf_text(&result->error);
    switch (result->outcome) {
    case HANDLER_DONE:
        fwrite(buf_text(&result->output), 1, result->output.len, stdout);
        if (result->output_is_json)
            putchar('\n');
        return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
    case HANDLER_RETRY:
        fprintf(stderr, "failed, would be retried%s: %s\n",
                result->is_crash ? " with one more crash" : "", error);
        if (result->retry_after_ms >= 0)
            fprintf(stderr, "it asks for a pause of %s\n",
                    format_duration_ms(result->retry_after_ms, after));
        break;
    case HANDLER_BURY:
        fprintf(stderr, "failed for good, would go to the dead jobs: %s\n", error);
        break;
    case HANDLER_ABORTED:
        fprintf(stderr, "ended by a signal, would be given back\n");
        break;
    case HANDLER_UNABLE:
        fprintf(stderr, "could not be started, would wait: %s\n", error);
        break;
    }
    return EXIT_FAILED;
}

/* ---- the run ---- */

static void make_text(const struct worker_options *options, struct buf *text)
{
    buf_append_text(text, "{\"id\":\"try\",\"type\":");
    json_append_string(text, slice_of(options->try_type));
    if (options->try_args) {
        buf_append_text(text, ",\"args\":");
        buf_append_text(text, options->try_args);
    }
    buf_append_char(text, '}');
}

/* A descriptor that becomes readable when the process is told to end. */
static int take_signals(void)
{
    sigset_t signals;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct worker_options *options, const struct cgroup_place *place,
               const struct handler *handler, const struct job *job)
{
    struct handler_observer observer = {print_progress, print_log};
    struct handler_result result = {.retry_after_ms = -1};
    struct err err = {0};
    int64_t timeout_ms = handler_timeout_ms(handler, job->timeout_ms, options->policy.timeout_ms);
    struct handler_call call = {
        .job = job,
        .queue = "try",
        .run = 1,
        .attempt = 1,
        .timeout_ms = timeout_ms,
        .deadline_ms = timeout_ms > 0 ? clock_wall_ms() + timeout_ms : 0,
        .max_output = handler_max_output(handler, options->policy.max_output),
        .observer = &observer,
        .abort_fd = take_signals(),
    };
    if (call.abort_fd < 0) {
        perror("darg-worker: cannot read signals");
        return EXIT_FAILED;
    }
    struct cgroups *groups = cgroups_new(place);
    const struct home home = {.groups = groups};
    if (registry_begin(options->registry, &home, &err) != ST_OK) {
        fprintf(stderr, "darg-worker: %s\n", err_text(&err));
        cgroups_free(groups);
        close(call.abort_fd);
        return EXIT_FAILED;
    }
    int64_t started_ms = clock_mono_ms();
    handler->run(handler->state, &call, &result);
    int64_t wall_ms = clock_mono_ms() - started_ms;
    int code = print_end(&result);
    print_usage(&result.usage, wall_ms);
    registry_leave(options->registry, call.thread);
    registry_end(options->registry);
    cgroups_free(groups);
    close(call.abort_fd);
    buf_fini(&result.output);
    buf_fini(&result.error);
    return code;
}

/* Checked by themselves, not as part of the finished job: text that is not one JSON value could
 * otherwise pass as further members of the job. */
static enum status check_args(const char *args, struct err *err)
{
    enum json_type type;
    enum status status = args ? json_check(slice_of(args), JSON_MAX_DEPTH - 1, &type, err) : ST_OK;
    if (status != ST_OK)
        err_prefix(err, "the args are not JSON (a string needs quotes)");
    return status;
}

int try_run(const struct worker_options *options, const struct cgroup_place *place)
{
    const struct handler *handler = registry_find(options->registry, options->try_type);
    struct buf text = {0};
    struct buf types = {0};
    struct job job;
    struct err err = {0};
    int code = EXIT_UNFIT;
    enum status status = check_args(options->try_args, &err);
    make_text(options, &text);
    if (status == ST_OK)
        status = job_read(buf_slice(&text), options->policy.max_job_size, &job, &err);
    if (status != ST_OK) {
        fprintf(stderr, "darg-worker: --try: %s\n", err_text(&err));
    } else if (!handler) {
        registry_append_types(options->registry, &types);
        fprintf(stderr, "darg-worker: --try: there is no handler for '%s': there are %s\n",
                options->try_type, buf_text(&types));
    } else {
        code = run(options, place, handler, &job);
    }
    buf_fini(&text);
    buf_fini(&types);
    return code;
}
