/* try - `darg-worker --try TYPE ARGS`: runs one job through its handler, without Redis, for people
 * who write handlers. */
#ifndef DARG_WORKER_TRY_H
#define DARG_WORKER_TRY_H

#include "worker/program/cgroup_place.h"
#include "worker/settings/options.h"

/* Runs a job of options->try_type with options->try_args (NULL: none) and waits for its end. The
 * result goes to standard output; everything else that the handler says, and the reason for a
 * failure, to standard error. INT and TERM end the handler. Returns the exit code: 0 done, 1
 * failed, 2 no such handler or bad args. Takes over the process's signals. place NULL: no control
 * groups. */
int try_run(const struct worker_options *options, const struct cgroup_place *place);

#endif
