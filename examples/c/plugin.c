/* Handlers in C for darg-worker:
 *
 *     cc -shared -fPIC plugin.c -o plugin.so
 *     darg-worker --plugin ./plugin.so=3 --try upper '"hello"'
 *     darg-worker --plugin ./plugin.so --isolate */
#include <darg.h>

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made by init, and given to every job: many threads read it at once. */
struct settings {
    long steps;
};

/* A string in capitals. That JSON text is worked on in place will do for this: the escapes of a
 * string are the only thing that it spoils. */
static int run_upper(void *state, struct darg_job *job)
{
    (void)state;
    size_t len;
    const char *args = darg_job_args(job, &len);
    if (args[0] != '"') {
        darg_job_fail(job, "args of upper must be a string, not %.40s", args);
        return DARG_BURY;
    }
    char *text = malloc(len);
    if (text == NULL)
        return darg_job_fail(job, "there is no memory");
    for (size_t i = 0; i < len; i++)
        text[i] = (char)toupper((unsigned char)args[i]);
    int outcome = darg_job_done(job, text, len);
    free(text);
    return outcome;
}

/* Something that takes time, says how far it is, and stops when it is to. */
static int run_slow(void *state, struct darg_job *job)
{
    const struct settings *settings = state;
    struct pollfd stop = {.fd = darg_job_stop_fd(job), .events = POLLIN};
    for (long step = 0; step < settings->steps; step++) {
        char progress[24];
        if (poll(&stop, 1, 100) > 0)
            return DARG_STOPPED;
        snprintf(progress, sizeof progress, "%ld", 100 * (step + 1) / settings->steps);
        darg_job_progress(job, progress);
    }
    darg_job_log(job, DARG_INFO, "all steps are done");
    return DARG_DONE;
}

static int begin(void **state, const char *config, char *error, size_t error_size)
{
    struct settings *settings = malloc(sizeof *settings);
    if (settings == NULL)
        return -1;
    settings->steps = config != NULL ? strtol(config, NULL, 10) : 10;
    if (settings->steps < 1) {
        snprintf(error, error_size, "the configuration is a number of steps, not '%s'", config);
        free(settings);
        return -1;
    }
    *state = settings;
    return 0;
}

static const struct darg_handler handlers[] = {
    {.type = "upper", .run = run_upper},
    {.type = "slow", .run = run_slow},
};

static const struct darg_plugin_info plugin = {
    .abi = DARG_ABI_VERSION,
    .name = "example",
    .handlers = handlers,
    .count = sizeof handlers / sizeof handlers[0],
    .init = begin,
    .fini = free,
};

const struct darg_plugin_info *darg_plugin(void)
{
    return &plugin;
}
