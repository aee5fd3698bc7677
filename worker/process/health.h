/* health - how `darg-worker --health` finds out whether the workers on this host are fetching.
 *
 * The supervisor listens on a Unix socket in the abstract namespace: there is no file, so no
 * writable directory is needed, and nothing outlives the process. The name consists of the user,
 * the PID namespace, a name that the user chose, and a number if that is taken. Any user could take
 * such names: they would not be believed, but might leave none free; so the supervisor also listens
 * in XDG_RUNTIME_DIR, if that belongs to the user alone. A client gets one line of facts and is
 * disconnected; the client judges what they mean, after asking all workers of the name.
 *
 * Healthy means that the fetchers of every process turned recently. A fetcher that tries in vain to
 * reach Redis still turns, and restarting it would not bring Redis back: the outage is mentioned,
 * but the worker is healthy. */
#ifndef DARG_WORKER_PROCESS_HEALTH_H
#define DARG_WORKER_PROCESS_HEALTH_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The facts, for the process that is worst off. */
struct health {
    int64_t age_ms; /* since its fetchers last turned; PULSE_NEVER: they have not yet */
    pid_t pid;      /* 0: it has died and will be started again */
    /* How long Redis has been unusable, for the process where that is longest; 0: it is usable. */
    int64_t outage_ms;
    enum status outage; /* why */
};

enum health_place { HEALTH_PATH, HEALTH_ABSTRACT, HEALTH_PLACES };

struct health_listener {
    int fds[HEALTH_PLACES]; /* readable when somebody asks; -1: not listening there */
    char path[108];         /* of the socket with a file; empty: there is none */
};

/* Starts listening; must be closed. Only logs if it cannot, because the name is too long or taken
 * too often: nothing but the check depends on it. */
void health_listen(struct health_listener *listener, const char *name);
void health_close(struct health_listener *listener);
void health_forget(struct health_listener *listener); /* in a process that was forked */

/* Answers those who have connected. Never blocks. */
void health_answer(const struct health_listener *listener, const struct health *health);

/* Asks the workers of this name, prints a sentence about the one that is worst off, and returns the
 * exit code: 0 healthy, its fetchers turned within limit_ms; 1 not, or nobody answers. Blocks for
 * seconds at most. */
int health_check(const char *name, int64_t limit_ms);

#endif
