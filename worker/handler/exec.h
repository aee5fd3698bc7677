/* exec - a handler that runs a program for each job (`--handler TYPE=COMMAND`).
 *
 * COMMAND is split on blanks with quotes as a shell would, without a shell and without expansion.
 * `{}` in a word is replaced by the args, which must then be a JSON string: decoded, and all within
 * that one argument. If it begins with a '-' and could be taken for an option, the job is refused.
 * Otherwise the args come on standard input, byte for byte. Standard output is the result; exit 0
 * done, 65 (EX_DATAERR) bury, anything else retry; the end of standard error is the reason. The
 * program has its own process group, which is killed when the program ends, at the timeout, and on
 * abort (SIGTERM first; SIGKILL 2 s later at the timeout, 1 s on abort); it dies with the worker.
 * From the worker's environment it gets what environment.h says; DARG_JOB_ID, DARG_JOB_TYPE,
 * DARG_JOB_QUEUE, DARG_JOB_RUN, DARG_JOB_ATTEMPT and DARG_JOB_DEADLINE are added.
 *
 * The process must ignore SIGPIPE, and must neither ignore SIGCHLD nor wait for any child. */
#ifndef DARG_WORKER_HANDLER_EXEC_H
#define DARG_WORKER_HANDLER_EXEC_H

#include "base/buf.h"
#include "worker/handler/handler.h"
#include "worker/program/command.h"

/* The handler's run function; state is a struct command. */
void exec_run(void *state, const struct handler_call *call, struct handler_result *result);

/* The name of the option that limits the size of results, for error texts. */
const char *exec_output_option(const struct limits *limits);

#endif
