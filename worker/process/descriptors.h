/* descriptors - sees to it that a worker may have as many descriptors open as its threads need. */
#ifndef DARG_WORKER_PROCESS_DESCRIPTORS_H
#define DARG_WORKER_PROCESS_DESCRIPTORS_H

#include "base/err.h"
#include "worker/settings/options.h"

/* Raises the soft limit of this process as far as its threads may need it, and as the hard limit
 * lets it. ST_INVALID with a sentence: not even one program for each thread could be run at a time.
 * What the programs themselves inherit is the limit as it was (command.h). Main thread, before
 * there are others. */
MUST_CHECK enum status descriptors_provide(const struct worker_options *options, struct err *err);

#endif
