/* sweeper - a small process that outlives a worker which is killed whole (kill -9 of supervisor and
 * children at once), for as long as it takes to kill what the worker's programs have left running.
 *
 * As long as the supervisor lives, it does that itself for its children, at once. The sweeper waits
 * on a socket whose other end the supervisor and its children hold: it is at its end when the last
 * of them is gone, however it went. It has a session, no open files and a name of its own, hears no
 * signal but SIGKILL, and is no child of the supervisor's. A process that a plugin forks and does
 * not execute holds that end, too: the sweeper then waits for it. */
#ifndef DARG_WORKER_PROCESS_SWEEPER_H
#define DARG_WORKER_PROCESS_SWEEPER_H

#include <stddef.h>

struct roster;

struct sweeper {
    int fd; /* -1: there is none */
};

/* Starts one that looks after these rosters, or says in the log why it cannot. To be called before
 * the children are forked, by a process with one thread. */
void sweeper_start(struct sweeper *sweeper, struct roster *const *rosters, size_t count);

/* Once there are no children left: lets it end, and waits for that for up to a second. */
void sweeper_end(struct sweeper *sweeper);

#endif
