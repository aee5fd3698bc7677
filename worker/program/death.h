/* death - the end of a program in words. */
#ifndef DARG_WORKER_PROGRAM_DEATH_H
#define DARG_WORKER_PROGRAM_DEATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/program/cgroup.h"
#include "worker/program/limits.h"
#include "worker/program/usage.h"

/* How it ended. Without a control group the peak of its memory is not known where it is no more
 * than that of the worker itself: until it runs its program, a child has the worker's memory, and
 * the kernel counts that. */
struct death {
    bool is_known;   /* false: the status is lost, and nothing below counts */
    bool is_lasting; /* its limit of processor time has ended nothing but by SIGXCPU */
    int wait_status; /* waitpid()'s */
    struct usage usage;
    int64_t own_cpu_us; /* its own and that of the children it has waited for */
    int64_t oom_kills;  /* of SIGKILL: how many since what its program said; -1: not known */
    bool has_group;
    struct cgroup_usage group; /* of all that has run in it */
};

/* Appends what has ended a program to which darg had sent no signal: "exit status 3", "killed by
 * signal 11 (Segmentation fault)", and whatever limit (NULL: there are none) explains it. has_said:
 * an exit status is left to the program's own words. */
void death_append(const struct death *death, const struct limits *limits, bool has_said,
                  struct buf *reason);

/* True if it looks as though somebody had told the program to end: it was ended by SIGTERM or
 * SIGINT, or has exited as shells and others do that were. */
bool death_is_stop(const struct death *death);

#endif
