/* oom - how often the kernel has killed a process because memory was short. */
#ifndef DARG_WORKER_PROGRAM_OOM_H
#define DARG_WORKER_PROGRAM_OOM_H

#include <stdint.h>

/* Counts kills on the whole machine since it was started, also when called in a container. -1: not
 * known. Any thread. */
int64_t oom_kills(void);

#endif
