/* obituary - what a supervisor knows of a worker process that died: its name, and what its threads
 * ran. */
#ifndef DARG_WORKER_SHARED_OBITUARY_H
#define DARG_WORKER_SHARED_OBITUARY_H

#include "worker/shared/load.h"

struct obituary {
    char *process;     /* P; owned by the supervisor */
    struct load *load; /* shared memory of the dead; owned by the supervisor */
};

#endif
