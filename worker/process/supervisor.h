/* supervisor - starts the worker processes, restarts those that die, and passes signals on.
 *
 * Single-threaded, without a connection to Redis, and safe as PID 1 of a container: it reaps
 * orphans. It waits for its children, so it knows at once when one has died; the next child is told
 * the dead one's name, so that the jobs of the dead need not wait for the lease. */
#ifndef DARG_WORKER_PROCESS_SUPERVISOR_H
#define DARG_WORKER_PROCESS_SUPERVISOR_H

#include "worker/program/cgroup_place.h"
#include "worker/settings/options.h"

/* Runs until all children have ended for good; kills what dead children have left in their control
 * groups (place NULL: they have none). Returns the exit code of the program. */
int supervisor_run(const struct worker_options *options, const struct cgroup_place *place);

#endif
