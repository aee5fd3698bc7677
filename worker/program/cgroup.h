/* cgroup - a control group for a program: what it and all that it starts may have together, what
 * they have used, and an end that none of them escapes.
 *
 * A group serves one program after another, but only when it is empty: making one takes the kernel
 * longer than a small job. Several threads may take and give at a time; a group that was taken is
 * its taker's alone. Nothing waits but cgroups_free(). */
#ifndef DARG_WORKER_PROGRAM_CGROUP_H
#define DARG_WORKER_PROGRAM_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "worker/program/cgroup_place.h"
#include "worker/program/limits.h"

struct cgroups; /* those of a process */
struct cgroup;

/* Since the group was taken. -1: not known. */
struct cgroup_usage {
    int64_t user_us, system_us;
    int64_t peak_bytes;        /* files that the kernel keeps in memory for them included */
    int64_t oom_kills;         /* processes that the kernel killed for want of memory */
    int64_t memory_refusals;   /* how often that was for want of what the group may have */
    int64_t processes_refused; /* forks beyond what the group may have */
};

/* The place is borrowed; NULL: answers NULL. */
struct cgroups *cgroups_new(const struct cgroup_place *place);
/* Removes the groups, all of which were given back. Waits for up to half a second for what was
 * killed; where processes do not end, leaves the group to cgroup_place_sweep(). NULL is fine. */
void cgroups_free(struct cgroups *groups);

/* An empty group with these limits (NULL: none), to be given back. ST_SYSTEM with a sentence. */
MUST_CHECK enum status cgroup_take(struct cgroups *groups, const struct limits *limits,
                                   struct cgroup **taken, struct err *err);
void cgroup_give(struct cgroup *group);

/* A descriptor by which a process enters the group: it writes "0". To be closed; -1 with errno. */
int cgroup_entrance(const struct cgroup *group);

/* Whether the group keeps its processes to their number, so that nothing else needs to. */
bool cgroup_keeps_processes(const struct cgroup *group);

/* Sends SIGKILL to all that is in the group. */
void cgroup_kill(const struct cgroup *group);

void cgroup_measure(const struct cgroup *group, struct cgroup_usage *usage);

#endif
