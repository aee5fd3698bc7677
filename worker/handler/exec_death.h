/* exec_death - the end of a program in words. */
#ifndef DARG_WORKER_HANDLER_EXEC_DEATH_H
#define DARG_WORKER_HANDLER_EXEC_DEATH_H

#include "base/buf.h"
#include "worker/handler/exec_spawn.h"
#include "worker/handler/limits.h"

/* Appends what has ended a program to which darg had sent no signal: "exit status 3", "killed by
 * signal 11 (Segmentation fault)", and whatever limit (NULL: there are none) explains it. has_said:
 * an exit status is left to the program's own words. */
void exec_death_append(const struct exec_death *death, const struct limits *limits, bool has_said,
                       struct buf *reason);

/* True if it looks as though somebody had told the program to end: it was ended by SIGTERM or
 * SIGINT, or has exited as shells and others do that were. */
bool exec_death_is_stop(const struct exec_death *death);

#endif
