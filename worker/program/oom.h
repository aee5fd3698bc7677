/* oom - how often the kernel has killed a process because memory was short. */
#ifndef DARG_WORKER_PROGRAM_OOM_H
#define DARG_WORKER_PROGRAM_OOM_H

#include <stdint.h>

/* On this machine, since it was started; in a container, too. -1: not known. Any thread. */
int64_t oom_kills(void);

#endif
