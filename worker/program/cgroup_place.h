/* cgroup_place - where a worker's programs have their control groups: below its own group, if that
 * is the worker's to divide.
 *
 * The kernel lets a group that has controllers for those below it have no processes itself, so the
 * worker moves into a group of its own there. Groups below have the id of their process in their
 * names: what a dead one has left is known by that. Opened once, before anything else is started;
 * shared by the processes that are forked afterwards. Linux 5.14 or newer, control groups of
 * version 2. */
#ifndef DARG_WORKER_PROGRAM_CGROUP_PLACE_H
#define DARG_WORKER_PROGRAM_CGROUP_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/buf.h"

enum cgroup_mode {
    CGROUP_AUTO, /* where the group was delegated to the worker, or is all that a container sees */
    CGROUP_OWN,  /* at any rate, and with all controllers */
    CGROUP_NONE,
};

/* Fixed once it is open. */
struct cgroup_place {
    int directory;
    char *name; /* as /proc/self/cgroup has it */
    bool has_memory;
    bool has_processes; /* there are controllers for these */
    bool is_settled_in; /* this process has moved */
};

/* Reads "auto", "own" or "none". ST_INVALID with a sentence. */
MUST_CHECK enum status cgroup_mode_read(struct slice text, enum cgroup_mode *mode, struct err *err);

/* Moves this process, which must be the only one in its group and have one thread, and removes what
 * dead ones have left. *place NULL: there are to be no groups. ST_SYSTEM or ST_UNSUPPORTED with a
 * sentence, in CGROUP_OWN only; nothing has changed then. */
MUST_CHECK enum status cgroup_place_open(enum cgroup_mode mode, struct cgroup_place **place,
                                         struct err *err);

/* A line of the log that says where the groups are, and what they limit. NULL: none. */
void cgroup_place_tell(const struct cgroup_place *place);

/* Ends what dead processes have left running in their groups, and removes these. Waits for up to
 * half a second. NULL: does nothing. */
void cgroup_place_sweep(const struct cgroup_place *place);

/* Moves this process, which has opened it, back to where it was, sweeps, and frees the memory. NULL
 * is fine. */
void cgroup_place_close(struct cgroup_place *place);

/* The name of a group for programs: the `number`-th of this process. */
enum { CGROUP_NAME_MAX = 64 };
void cgroup_place_name(char name[CGROUP_NAME_MAX], size_t number);

#endif
