/* confine - in a process that is about to become a program: holds it to its limits.
 *
 * For a child after vfork(): only system calls, and no memory is changed but the failure's. */
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
    bool is_lasting;         /* the limit of processor time can be raised later */
    bool are_processes_kept; /* to their number, by a control group */
    int64_t files; /* the soft limit of descriptors where the limits say nothing; 0: as it is */
};

/* Sets limits, groups, group, user and directory; NULL: no core dumps, and nothing else. After a
 * change of user the process does not die with its parent any more, until it asks for that again.
 * False: *failure. */
MUST_CHECK bool confine(const struct limits *limits, const struct confine_how *how,
                        struct confine_failure *failure);

#endif
