/* exec - a handler that runs a program for each job (`--handler TYPE=COMMAND`).
 *
 * COMMAND is split on blanks with quotes as a shell would, without a shell and without expansion.
 * `{}` in a word stands for the args, which must then be a JSON string: decoded, within that one
 * argument; one that begins with a - is refused where it might be taken for an option. Otherwise
 * the args come on standard input, byte for byte. Standard output is the result; exit 0 done, 65
 * (EX_DATAERR) bury, anything else retry; the end of standard error is the reason. The program has
 * a process group of its own, which is killed when it ends, at the timeout, and on abort (SIGTERM
 * first, SIGKILL 2 s and 1 s later); it dies with the worker. Of the worker's environment it has
 * what environment.h says; DARG_JOB_ID, DARG_JOB_TYPE, DARG_JOB_QUEUE, DARG_JOB_RUN,
 * DARG_JOB_ATTEMPT and DARG_JOB_DEADLINE are added.
 *
 * The process must ignore SIGPIPE, and must neither ignore SIGCHLD nor wait for any child. */
#ifndef DARG_WORKER_HANDLER_EXEC_H
#define DARG_WORKER_HANDLER_EXEC_H

#include "base/buf.h"
#include "worker/handler/handler.h"
#include "worker/program/command.h"

/* A handler_fn; state is a struct command. */
void exec_run(void *state, const struct handler_call *call, struct handler_result *result);

/* What the option is called that says how large a result may be. */
const char *exec_output_option(const struct limits *limits);

#endif
