/* health - how `darg-worker --health` learns whether the workers beside it fetch.
 *
 * The supervisor listens on a Unix socket in the abstract namespace: no file, so no writable
 * directory is needed, and nothing of it outlives the process. Its name is made of the user, the
 * PID namespace, a name of the user's choice, and a number if that is taken. Such names can be
 * taken by any user, who is not believed then, but might leave none; so it listens in
 * XDG_RUNTIME_DIR, too, where that is the user's alone. Whoever connects is told one line of facts
 * and is cut off; what they mean is for the asking side to judge, which asks all workers of the
 * name.
 *
 * Healthy means: every process's fetchers turned lately. A fetcher that tries in vain to use Redis
 * does turn, and starting it anew would not bring Redis back: that is said, but the worker is well.
 */
#ifndef DARG_WORKER_PROCESS_HEALTH_H
#define DARG_WORKER_PROCESS_HEALTH_H

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

enum health_place { HEALTH_PATH, HEALTH_ABSTRACT, HEALTH_PLACES };

struct health_listener {
    int fds[HEALTH_PLACES]; /* readable when somebody asks; -1: not here */
    char path[108];         /* of the socket that has a file; empty: there is none */
};

/* To be closed. A line in the log if there is no place: the name is too long, or taken too often.
 * Nothing but the check depends on it. */
void health_listen(struct health_listener *listener, const char *name);
void health_close(struct health_listener *listener);
void health_forget(struct health_listener *listener); /* in a process that was forked */

/* Answers those who have connected. Never blocks. */
void health_answer(const struct health_listener *listener, const struct health *health);

/* Asks the workers of this name, prints a sentence about the one that fares worst, and returns the
 * exit code: 0 healthy, its fetchers turned within limit_ms; 1 not, or nobody answers. Blocks for
 * seconds at most. */
int health_check(const char *name, int64_t limit_ms);

#endif
