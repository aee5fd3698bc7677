/* descriptors - makes sure that a worker may open as many descriptors as its threads need. */
#ifndef DARG_WORKER_PROCESS_DESCRIPTORS_H
#define DARG_WORKER_PROCESS_DESCRIPTORS_H

#include "base/err.h"
#include "worker/settings/options.h"

/* Raises the soft limit of this process as far as its threads may need it and the hard limit
 * allows. ST_INVALID with a sentence: not even one program per thread could run at a time. Programs
 * still get the limit as it was (command.h). Main thread, before there are others. */
MUST_CHECK enum status descriptors_provide(const struct worker_options *options, struct err *err);

#endif
