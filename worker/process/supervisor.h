/* supervisor - starts the worker processes, restarts those that die, and passes signals on.
 *
 * Single-threaded, without a connection to Redis, and safe as PID 1 of a container: it reaps
 * whatever is orphaned to it. It waits for its children, so it knows at once when one has died; the
 * next child it starts is told the dead one's name, so that its jobs need not wait for the lease.
 */
#ifndef DARG_WORKER_PROCESS_SUPERVISOR_H
#define DARG_WORKER_PROCESS_SUPERVISOR_H

#include "worker/program/cgroup_place.h"
#include "worker/settings/options.h"

/* Runs until all children have ended for good, and ends what dead ones have left in their control
 * groups; place NULL: there are none. Returns the exit code of the program. */
int supervisor_run(const struct worker_options *options, const struct cgroup_place *place);

#endif
