/* entry - a worker program from its command line to its exit code: darg-worker, and every program
 * that calls darg_worker_run(). */
#ifndef DARG_WORKER_ENTRY_H
#define DARG_WORKER_ENTRY_H

#include "worker/handler/plugin.h"

/* own: handlers built into the calling program, borrowed; NULL: none. Call it while the process has
 * only one thread. */
int entry_run(int argc, char **argv, struct plugin *own);

#endif
