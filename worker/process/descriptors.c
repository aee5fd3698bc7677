#include "worker/process/descriptors.h"

#include "base/plural.h"

#include <inttypes.h>
#include <stdbool.h>
#include <sys/resource.h>

enum {
    OF_PROCESS = 64, /* the log, connections, libraries, and some to spare */
    OF_QUEUE = 4,    /* a connection, its wake, and the like */
    OF_CHILD = 2,    /* in the supervisor, per worker process */
    OF_THREAD = 4,   /* the descriptor that stops it; at most once also a connection */
    /* Per running program: our ends of its pipes, the process, its control group. */
    OF_PROGRAM = 5,
    OF_START = 7, /* additionally while it is being started */
    /* Per persistent process: our ends of its pipes, the process, its control group. */
    OF_RESIDENT = 6,
};

/* With fewer than *least, not every thread could run a program at a time. All threads starting one
 * at the same moment is rare, and then they wait for each other; so only *most counts that. */
static void count_needs(const struct worker_options *options, rlim_t *least, rlim_t *most)
{
    size_t residents = registry_count_residents(options->registry);
    rlim_t threads = (rlim_t)options->threads;
    *least = OF_PROCESS + OF_QUEUE * (rlim_t)options->queue_count +
             OF_CHILD * (rlim_t)options->processes + OF_THREAD * threads;
    bool has_programs = registry_count_programs(options->registry) > 0;
    if (has_programs)
        *least += OF_PROGRAM * threads;
    *most = *least + OF_RESIDENT * threads * residents + (has_programs ? OF_START * threads : 0);
}

enum status descriptors_provide(const struct worker_options *options, struct err *err)
{
    struct rlimit limit;
    rlim_t least, most;
    count_needs(options, &least, &most);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= most)
        return ST_OK;
    if (limit.rlim_max < least && registry_count_programs(options->registry) > 0)
        return err_set(
            err, ST_INVALID,
            "%" PRId64 " %s may need %" PRIu64 " descriptors, and this process may have %" PRIu64
            ": lower --threads, or raise the hard limit (ulimit -Hn)",
            options->threads,
            plural_of(options->threads, "thread that runs programs", "threads that run programs"),
            (uint64_t)least, (uint64_t)limit.rlim_max);
    limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* within the hard limit, so it cannot be refused */
    return ST_OK;
}
