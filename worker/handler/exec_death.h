/* exec_death - the end of a program in words. */
#ifndef DARG_WORKER_HANDLER_EXEC_DEATH_H
#define DARG_WORKER_HANDLER_EXEC_DEATH_H

#include "base/buf.h"
#include "worker/handler/exec_spawn.h"

/* Appends what has ended a program that darg has sent no signal before: "exit status 3", "killed by
 * signal 11 (Segmentation fault)"; of SIGKILL, what it is likely to mean. */
void exec_death_append(const struct exec_death *death, struct buf *reason);

#endif
