/* exec_watch - keeps a started program company to its end: feeds it, takes what it says, holds it
 * to its limits, and leaves neither process nor descriptor behind.
 *
 * A program that is to end (timeout, abort) is asked by SIGTERM to its whole group and killed after
 * a grace. When it has ended, the rest of its group is killed, and what lies in the pipes is read
 * without waiting for their other ends to close. What leaves the process group on purpose (setsid)
 * outlives it where there are no control groups. */
#ifndef DARG_WORKER_HANDLER_EXEC_WATCH_H
#define DARG_WORKER_HANDLER_EXEC_WATCH_H

#include "base/buf.h"
#include "worker/handler/handler.h"
#include "worker/program/spawn.h"

enum exec_end {
    EXEC_ENDED, /* by itself */
    EXEC_TIMED_OUT,
    EXEC_ABORTED,
    EXEC_TOO_LARGE, /* more than max_output */
    EXEC_LOST,      /* somebody else has waited for it, or SIGCHLD is ignored: no status */
};

/* Appends standard output to result->output and the last 2 KiB of standard error to result->error;
 * sets nothing else of the result. *death is how it ended, not known with EXEC_LOST. The child is
 * used up. SIGPIPE must be blocked or ignored. */
MUST_CHECK enum exec_end exec_watch(struct spawn_child *child, struct slice input,
                                    const struct handler_call *call, struct handler_result *result,
                                    struct death *death);

#endif
