/* entry - a worker program from its command line to its exit code: darg-worker, and every program
 * that calls darg_worker_run(). */
#ifndef DARG_WORKER_ENTRY_H
#define DARG_WORKER_ENTRY_H

#include "worker/handler/plugin.h"

/* own: handlers of the program's own, borrowed; NULL: none. To be called while there is one thread.
 */
int entry_run(int argc, char **argv, struct plugin *own);

#endif
