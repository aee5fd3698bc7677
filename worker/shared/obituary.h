/* obituary - what a supervisor knows about a worker process that died: its name, and what its
 * threads were running. */
#ifndef DARG_WORKER_SHARED_OBITUARY_H
#define DARG_WORKER_SHARED_OBITUARY_H

#include "worker/shared/load.h"

struct obituary {
    char *process;     /* P; owned by the supervisor */
    struct load *load; /* the dead process's; owned by the supervisor */
};

#endif
