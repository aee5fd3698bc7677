/* health - how `darg-worker --health` learns whether the worker beside it fetches.
 *
 * The supervisor listens on a Unix socket in the abstract namespace: no file, so no writable
 * directory is needed, and nothing of it outlives the process. Its name is made of the user, the
 * PID namespace (a container has its own, even where it shares the host's network) and a name of
 * the user's choice for a host with several workers. Whoever connects is told one line of facts and
 * is cut off; what they mean is for the asking side to judge.
 *
 * Healthy means: every process's fetchers turned lately. A fetcher that tries in vain to use Redis
 * does turn, and starting it anew would not bring Redis back: that is said, but the worker is well.
 */
#ifndef DARG_WORKER_HEALTH_H
#define DARG_WORKER_HEALTH_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The facts: those of the process that fares worst. */
struct health {
    int64_t age_ms;    /* since its fetchers turned; PULSE_NEVER: they have not yet */
    pid_t pid;         /* 0: it has died and is to be started again */
    int64_t outage_ms; /* for how long Redis cannot be used, of the process where that is longest */
    enum status outage; /* why */
};

/* A descriptor that becomes readable when somebody asks; to be closed. -1, and a line in the log:
 * the name is taken by another worker, or too long. Nothing but the check depends on it. */
int health_listen(const char *name);

/* Answers those who have connected. Never blocks. */
void health_answer(int fd, const struct health *health);

/* Asks the worker of this name, prints a sentence, and returns the exit code: 0 healthy, its
 * fetchers turned within limit_ms; 1 not, or nobody answers. Blocks for seconds at most. */
int health_check(const char *name, int64_t limit_ms);

#endif
