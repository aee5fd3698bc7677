/* isolated - the process that runs the jobs of one handler in C for a worker (isolate.h), using the
 * protocol of persistent handlers. One thread, plus those that the handler starts. */
#ifndef DARG_WORKER_HANDLER_ISOLATED_H
#define DARG_WORKER_HANDLER_ISOLATED_H

#include <stdbool.h>

#include "worker/handler/plugin.h"

/* True if this process was started for that. */
bool isolated_is_wanted(void);

/* Runs until there are no more jobs, or it is told to end. own: the program's handlers, borrowed;
 * NULL: it has none. Returns the exit code. */
int isolated_run(struct plugin *own);

#endif
