/* cgroup - a control group for a program: limits for it and everything that it starts, what they
 * have used together, and an end that none of them escapes.
 *
 * A group is reused for one program after another, once it is empty: making one takes the kernel
 * longer than a small job. Several threads may take and give at a time; a taken group belongs to
 * its taker alone. Nothing waits, except cgroups_free(). */
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
    int64_t peak_bytes;        /* including files that the kernel caches for them */
    int64_t oom_kills;         /* processes that the kernel killed for lack of memory */
    int64_t memory_refusals;   /* how often the reason was the group's own limit */
    int64_t processes_refused; /* forks refused because of the group's limit */
};

/* Borrows the place. Returns NULL if that is NULL. */
struct cgroups *cgroups_new(const struct cgroup_place *place);
/* Removes the groups, all of which must have been given back. Waits up to half a second for killed
 * processes; a group whose processes do not end is left to cgroup_place_sweep(). NULL is fine. */
void cgroups_free(struct cgroups *groups);

/* Takes an empty group and sets these limits (NULL: none). Must be given back. ST_SYSTEM with a
 * sentence. */
MUST_CHECK enum status cgroup_take(struct cgroups *groups, const struct limits *limits,
                                   struct cgroup **taken, struct err *err);
void cgroup_give(struct cgroup *group);

/* A descriptor with which a process enters the group, by writing "0" to it. The caller closes it;
 * -1 with errno. */
int cgroup_entrance(const struct cgroup *group);

/* Whether the group itself limits the number of its processes, so that nothing else needs to. */
bool cgroup_keeps_processes(const struct cgroup *group);

/* Sends SIGKILL to everything in the group. */
void cgroup_kill(const struct cgroup *group);

void cgroup_measure(const struct cgroup *group, struct cgroup_usage *usage);

#endif
