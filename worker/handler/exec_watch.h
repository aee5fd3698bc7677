/* exec_watch - follows a started program to its end: feeds its input, reads its output, enforces
 * the timeout and the size of its output, and leaves neither process nor descriptor behind.
 *
 * A program that must end (timeout, abort) is asked with SIGTERM to its whole group, and killed
 * after a grace period. When it has ended, the rest of its group is killed, and what lies in the
 * pipes is read without waiting for their other ends to close. Without control groups, a process
 * that leaves the group on purpose (setsid) survives. */
#ifndef DARG_WORKER_HANDLER_EXEC_WATCH_H
#define DARG_WORKER_HANDLER_EXEC_WATCH_H

#include "base/buf.h"
#include "worker/handler/handler.h"
#include "worker/program/spawn.h"

enum exec_end {
    EXEC_ENDED, /* by itself */
    EXEC_TIMED_OUT,
    EXEC_ABORTED,
    EXEC_TOO_LARGE, /* its output exceeds max_output */
    EXEC_LOST,      /* somebody else has waited for it, or SIGCHLD is ignored: no status */
};

/* Blocks until the program has ended. Appends standard output to result->output and the last 2 KiB
 * of standard error to result->error; sets nothing else in the result. *death is how it ended;
 * unknown with EXEC_LOST. The child must not be used afterwards. SIGPIPE must be blocked or
 * ignored. */
MUST_CHECK enum exec_end exec_watch(struct spawn_child *child, struct slice input,
                                    const struct handler_call *call, struct handler_result *result,
                                    struct death *death);

#endif
