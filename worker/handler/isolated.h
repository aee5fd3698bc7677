/* isolated - the process that does the jobs of one handler in C for a worker (isolate.h), speaking
 * as any persistent handler does. One thread, but for the handler's own. */
#ifndef DARG_WORKER_HANDLER_ISOLATED_H
#define DARG_WORKER_HANDLER_ISOLATED_H

#include <stdbool.h>

#include "worker/handler/plugin.h"

/* True: this process was started to be that. */
bool isolated_is_wanted(void);

/* Runs until there are no more jobs, or it is told to end. own: the program's handlers, borrowed;
 * NULL: it has none. Answers the exit code. */
int isolated_run(struct plugin *own);

#endif
