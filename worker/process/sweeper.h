/* sweeper - a small process that survives if a whole worker is killed (kill -9 of supervisor and
 * children at once), just long enough to kill what the worker's programs have left running.
 *
 * While the supervisor lives, it does that itself for its children, at once. The sweeper waits on a
 * socket whose other end the supervisor and its children hold; the socket is at its end when the
 * last of them is gone, however that happened. The sweeper has its own session and name and no open
 * files, gets no signal but SIGKILL, and is not a child of the supervisor. A process that a plugin
 * forks without executing a program holds that end too, so the sweeper waits for it. */
#ifndef DARG_WORKER_PROCESS_SWEEPER_H
#define DARG_WORKER_PROCESS_SWEEPER_H

#include <stddef.h>

struct roster;

struct sweeper {
    int fd; /* -1: there is none */
};

/* Starts a sweeper for these rosters, or logs why it cannot. Call it before the children are
 * forked, in a process with one thread. */
void sweeper_start(struct sweeper *sweeper, struct roster *const *rosters, size_t count);

/* Call once no children are left: lets it end, and waits up to a second for that. */
void sweeper_end(struct sweeper *sweeper);

#endif
