/* death - describes the end of a program in words. */
#ifndef DARG_WORKER_PROGRAM_DEATH_H
#define DARG_WORKER_PROGRAM_DEATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/program/cgroup.h"
#include "worker/program/limits.h"
#include "worker/program/usage.h"

/* How it ended. Without a control group, a peak of memory no higher than the worker's own is
 * unknown: until execve() the child shares the worker's memory, and the kernel counts that too. */
struct death {
    bool is_known;   /* false: the status is lost, and the fields below are undefined */
    bool is_lasting; /* persistent: its limit of processor time ends it by SIGXCPU only */
    int wait_status; /* waitpid()'s */
    struct usage usage;
    int64_t own_cpu_us; /* microseconds: its own and of children it waited for */
    /* After SIGKILL: kills on this machine since the start of the worker; -1: not known. */
    int64_t oom_kills;
    bool has_group;
    struct cgroup_usage group; /* of everything that ran in it */
};

/* Appends what ended a program to which darg had sent no signal: "exit status 3", "killed by signal
 * 11 (Segmentation fault)", and the limit (limits NULL: none) that explains it. has_said: the
 * program has said something itself, so an exit status is left out. */
void death_append(const struct death *death, const struct limits *limits, bool has_said,
                  struct buf *reason);

/* True if it looks as though somebody told the program to end: SIGTERM or SIGINT ended it, or it
 * exited with the status that shells use for that. */
bool death_is_stop(const struct death *death);

#endif
