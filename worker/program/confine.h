/* confine - applies limits to the calling process, which is about to become a program.
 *
 * For a child after vfork(): makes system calls only, and writes to no memory but *failure. */
#ifndef DARG_WORKER_PROGRAM_CONFINE_H
#define DARG_WORKER_PROGRAM_CONFINE_H

#include <stdbool.h>

#include "worker/program/limits.h"

/* "cannot WHAT NAME: ERRNO" */
struct confine_failure {
    const char *what;
    const char *name;
    int why;
};

struct confine_how {
    bool is_lasting;         /* persistent: its limit of processor time must be renewable */
    bool are_processes_kept; /* a control group limits their number */
    int64_t files;           /* soft limit of descriptors if the limits give none; 0: leave as is */
};

/* Sets limits, groups, group, user and directory; limits NULL: only disables core dumps. A change
 * of user clears the death signal, so the caller has to set that again. False: *failure says
 * why. */
MUST_CHECK bool confine(const struct limits *limits, const struct confine_how *how,
                        struct confine_failure *failure);

#endif
