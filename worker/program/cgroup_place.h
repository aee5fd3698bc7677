/* cgroup_place - where a worker's programs have their control groups: below the worker's own group,
 * if that was handed over to it.
 *
 * The kernel allows no processes in a group that has controllers for groups below it, so the worker
 * moves into a new group there. Each group's name contains the id of the process that made it; so
 * it is known what a dead process has left behind. Opened once, before anything else is started;
 * shared by processes forked later. Linux 5.14 or newer, control groups of version 2. */
#ifndef DARG_WORKER_PROGRAM_CGROUP_PLACE_H
#define DARG_WORKER_PROGRAM_CGROUP_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/buf.h"

enum cgroup_mode {
    CGROUP_AUTO, /* if the group was delegated to the worker, or is all that a container sees */
    CGROUP_OWN,  /* in any case, and with all controllers; otherwise an error */
    CGROUP_NONE,
};

/* Fixed once opened. */
struct cgroup_place {
    int directory;
    char *name; /* as /proc/self/cgroup has it */
    bool has_memory;
    bool has_processes; /* the controller for their number is enabled */
    bool is_settled_in; /* the process that opened it has moved into the new group */
};

/* Reads "auto", "own" or "none". ST_INVALID with a sentence. */
MUST_CHECK enum status cgroup_mode_read(struct slice text, enum cgroup_mode *mode, struct err *err);

/* Moves this process, which must be alone in its group and have one thread, and removes what dead
 * processes have left. *place NULL: control groups are not used. ST_SYSTEM or ST_UNSUPPORTED with a
 * sentence, only for CGROUP_OWN; nothing has changed then. */
MUST_CHECK enum status cgroup_place_open(enum cgroup_mode mode, struct cgroup_place **place,
                                         struct err *err);

/* Logs where the groups are, and what they limit. NULL: does nothing. */
void cgroup_place_tell(const struct cgroup_place *place);

/* Kills what dead processes have left running in their groups, and removes the groups. Waits up to
 * half a second. NULL: does nothing. */
void cgroup_place_sweep(const struct cgroup_place *place);

/* Only in the process that opened it: sweeps, moves back to where it was, and frees the memory.
 * NULL is fine. */
void cgroup_place_close(struct cgroup_place *place);

/* The name of the `number`-th group for programs of this process. */
enum { CGROUP_NAME_MAX = 64 };
void cgroup_place_name(char name[CGROUP_NAME_MAX], size_t number);

#endif
