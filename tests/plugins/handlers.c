/* A plugin that ends jobs in every way there is. With a configuration, which names a folder, it
 * leaves a line in a file there when something happens that only it can see. */
#include <darg.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *folder; /* set by init */

/* One small write: lines of several processes do not mix. */
static void note(const char *file, const char *what)
{
    char path[512];
    if (folder == NULL)
        return;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *out = fopen(path, "a");
    if (out == NULL)
        return;
    fprintf(out, "%s %ld\n", what, (long)getpid());
    fclose(out);
}

/* ---- results ---- */

static int run_done(void *state, struct darg_job *job)
{
    (void)state;
    size_t len;
    const char *args = darg_job_args(job, &len);
    return darg_job_done(job, args, len);
}

static int run_text(void *state, struct darg_job *job)
{
    (void)state;
    return darg_job_done_text(job, "a \"b\"\n", 6);
}

static int run_bytes(void *state, struct darg_job *job)
{
    (void)state;
    return darg_job_done_text(job, "a\xff\xfe", 3);
}

static int run_nothing(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    return DARG_DONE;
}

static int run_bad_json(void *state, struct darg_job *job)
{
    (void)state;
    darg_job_done(job, "{\"a\":}", 6);
    return DARG_DONE;
}

static int run_large(void *state, struct darg_job *job)
{
    (void)state;
    static char text[100 << 10];
    memset(text, 'x', sizeof text);
    return darg_job_done_text(job, text, sizeof text);
}

/* All that a job tells about itself; `state` is what init has set. */
static int run_about(void *state, struct darg_job *job)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"id\":\"%s\",\"type\":\"%s\",\"queue\":\"%s\",\"run\":%lld,\"attempt\":%lld,"
             "\"limited\":%d,\"stop\":%d,\"state\":\"%s\",\"args\":%s}",
             darg_job_id(job), darg_job_type(job), darg_job_queue(job),
             (long long)darg_job_run(job), (long long)darg_job_attempt(job),
             darg_job_deadline_ms(job) > 0, darg_job_should_stop(job), (const char *)state,
             darg_job_args(job, NULL));
    return darg_job_done(job, text, strlen(text));
}

/* ---- failures ---- */

static int run_retry(void *state, struct darg_job *job)
{
    (void)state;
    return darg_job_fail(job, "sorry, %s\x01 %d", "no", 7);
}

static int run_after(void *state, struct darg_job *job)
{
    (void)state;
    darg_job_retry_after(job, 1500);
    return darg_job_fail(job, "later");
}

static int run_bury(void *state, struct darg_job *job)
{
    (void)state;
    darg_job_fail(job, "never");
    return DARG_BURY;
}

static int run_silent(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    return DARG_BURY;
}

static int run_odd(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    return 77;
}

static int run_idle(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    return DARG_STOPPED;
}

static int run_exit(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    exit(0);
}

static int run_crash(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return DARG_DONE;
}

/* ---- while it runs ---- */

static int run_talk(void *state, struct darg_job *job)
{
    (void)state;
    printf("{\"id\":\"try\",\"done\":\"this is no answer\"}\n");
    fflush(stdout);
    if (darg_job_progress(job, "half") || !darg_job_progress(job, "[1,\n2]"))
        return DARG_BURY;
    darg_job_log(job, DARG_WARN, "be\nware");
    return DARG_DONE;
}

/* Runs until it is to stop, and sees it in both ways. */
static int run_wait(void *state, struct darg_job *job)
{
    (void)state;
    struct pollfd stop = {.fd = darg_job_stop_fd(job), .events = POLLIN};
    note("running", "wait");
    while (poll(&stop, 1, -1) <= 0)
        ;
    if (!darg_job_should_stop(job))
        return darg_job_fail(job, "the descriptor was readable without a reason");
    note("stopped", "wait");
    return DARG_STOPPED;
}

/* Waits for nothing but its cancel, which wakes it through a pipe. */
static int wake_up[2];

static int run_cancelled(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    char byte;
    note("running", "cancelled");
    while (read(wake_up[0], &byte, 1) != 1)
        ;
    return DARG_STOPPED;
}

static void cancel(void *state, struct darg_job *job)
{
    (void)state;
    note("cancelled", darg_job_id(job));
    while (write(wake_up[1], "x", 1) != 1)
        ;
}

/* Does not look, and is late. */
static int run_late(void *state, struct darg_job *job)
{
    (void)state;
    while (!darg_job_should_stop(job))
        ;
    return darg_job_done(job, "\"late\"", 6);
}

/* Never does. */
static int run_deaf(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    for (;;)
        pause();
    return DARG_DONE;
}

static const struct darg_handler handlers[] = {
    {.type = "done", .run = run_done},
    {.type = "bytes", .run = run_bytes},
    {.type = "text", .run = run_text},
    {.type = "nothing", .run = run_nothing},
    {.type = "badjson", .run = run_bad_json},
    {.type = "large", .run = run_large},
    {.type = "about", .run = run_about},
    {.type = "retry", .run = run_retry},
    {.type = "after", .run = run_after},
    {.type = "bury", .run = run_bury},
    {.type = "silent", .run = run_silent},
    {.type = "odd", .run = run_odd},
    {.type = "idle", .run = run_idle},
    {.type = "crash", .run = run_crash},
    {.type = "exit", .run = run_exit},
    {.type = "talk", .run = run_talk},
    {.type = "wait", .run = run_wait},
    {.type = "cancelled", .run = run_cancelled, .cancel = cancel},
    {.type = "quick", .run = run_done, .cancel = cancel},
    {.type = "late", .run = run_late},
    {.type = "deaf", .run = run_deaf},
};

static int init(void **state, const char *config, char *error, size_t error_size)
{
    static char text[] = "set by init";
    if (config != NULL && strcmp(config, "refuse") == 0) {
        snprintf(error, error_size, "it was told to refuse");
        return 1;
    }
    folder = config;
    *state = text;
    note("init", "init");
    return pipe(wake_up);
}

static void fini(void *state)
{
    note("fini", state != NULL ? "fini" : "no state");
}

static const struct darg_plugin_info plugin = {
    .abi = DARG_ABI_VERSION,
    .name = "test",
    .handlers = handlers,
    .count = sizeof handlers / sizeof handlers[0],
    .init = init,
    .fini = fini,
};

const struct darg_plugin_info *darg_plugin(void)
{
    return &plugin;
}
