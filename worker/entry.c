#include "worker/entry.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/parse.h"
#include "worker/handler/isolated.h"
#include "worker/process/descriptors.h"
#include "worker/process/health.h"
#include "worker/process/supervisor.h"
#include "worker/settings/options.h"
#include "worker/try.h"

enum { EXIT_USAGE = 2, STACK_LEAST = 512 << 10 };

/* Threads get a stack as large as the main thread's limit, and keep buffers on it. Checked at the
 * start, because a stack that is too small shows only when a handler needs it: as a crash. */
static enum status check_stack(struct err *err)
{
    struct rlimit limit;
    char least[PARSE_BYTES_MAX], has[PARSE_BYTES_MAX];
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= STACK_LEAST)
        return ST_OK;
    return err_set(err, ST_INVALID,
                   "the limit of stacks is %s, and threads need %s: raise it (ulimit -s %d)",
                   format_bytes((int64_t)limit.rlim_cur, has), format_bytes(STACK_LEAST, least),
                   STACK_LEAST >> 10);
}

static enum status prepare(const struct worker_options *options, struct err *err)
{
    if (options->is_health_check)
        return ST_OK;
    if (check_stack(err) != ST_OK)
        return ST_INVALID;
    return log_open(options->log.level, options->log.format, options->log.file, err);
}

/* Returns the exit code. */
static int work(const struct worker_options *options)
{
    struct err err = {0};
    if (descriptors_provide(options, &err) != ST_OK) {
        fprintf(stderr, "darg-worker: %s\n", err_text(&err));
        return EXIT_USAGE;
    }
    struct cgroup_place *place = NULL;
    registry_warn(options->registry);
    registry_tell_withheld(options->registry);
    enum cgroup_mode mode =
        registry_count_programs(options->registry) > 0 ? options->cgroup_mode : CGROUP_NONE;
    if (cgroup_place_open(mode, &place, &err) != ST_OK) {
        fprintf(stderr, "darg-worker: --cgroup own: %s\n", err_text(&err));
        return EXIT_USAGE;
    }
    int code = options->try_type ? try_run(options, place) : supervisor_run(options, place);
    cgroup_place_close(place);
    return code;
}

int entry_run(int argc, char **argv, struct plugin *own)
{
    struct worker_options options;
    struct err err = {0};
    bool done = false;
    if (isolated_is_wanted())
        return isolated_run(own);
    enum status status = worker_options_read(argc, argv, own, &options, &done, &err);
    if (status == ST_OK && !done)
        status = prepare(&options, &err);
    int code = 0;
    if (status != ST_OK) {
        fprintf(stderr, "darg-worker: %s\n", err_text(&err));
        code = EXIT_USAGE;
    } else if (!done && options.is_health_check) {
        code = health_check(options.health_name, options.health_age_ms);
    } else if (!done) {
        code = work(&options);
    }
    worker_options_fini(&options);
    return code;
}
