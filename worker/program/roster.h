/* roster - which programs a worker process has started and not waited for yet, in memory shared
 * with its supervisor. So the supervisor knows what a dead process has left running.
 *
 * A program leads a session. Everything that it has started is in that session, in whatever process
 * group, unless it has begun a new session (a daemon): then only a control group can tell
 * (cgroup.h). The child enters its session here before it executes the program, so no program runs
 * that is not entered; and it is removed before it is waited for, so while the worker process
 * lives, an entered number cannot be another's. */
#ifndef DARG_WORKER_PROGRAM_ROSTER_H
#define DARG_WORKER_PROGRAM_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct roster;
struct roster_place;

/* Has room for `count` programs at a time. NULL if the system gives no shared memory. */
struct roster *roster_new(size_t count);
void roster_free(struct roster *roster); /* NULL is fine */

/* Programs must have this variable in their environment, with a value that nobody else knows. */
#define ROSTER_VARIABLE "DARG_SESSION"
const char *roster_mark(const struct roster *roster);

/* Takes a place for a program about to be started; give it back with roster_leave(). NULL: roster
 * is NULL, or it is full. Any thread. */
struct roster_place *roster_take(struct roster *roster);

/* Enters the session of `leader`, with this autogroup and the present time (place NULL: does
 * nothing). Safe after vfork(). */
void roster_note(struct roster_place *place, pid_t leader, int64_t now_ms, int64_t autogroup);

/* The clock for roster_note(): ms since the machine was started. Safe after vfork(). */
int64_t roster_now_ms(void);

/* The caller's autogroup: a number that the kernel's scheduler gives to each new session and never
 * reuses; all processes of the session have it. 0: the kernel has none. Safe after vfork(). */
int64_t roster_own_autogroup(void);

/* Call when the program's process group has been killed, before waiting for the program; NULL is
 * fine. */
void roster_leave(struct roster_place *place);

struct roster_rest {
    size_t refused; /* processes left because the kernel did not let them be killed */
    size_t unsure;  /* processes in such a session that may not be ours: left alone */
};

/* Call once the worker process is dead: sends SIGKILL to everything in its programs' sessions,
 * frees all places, and returns what is left. NULL: does nothing. Waits up to a tenth of a second
 * for them to end.
 *
 * A session's number may have been reused since. A process in it is ours if it has the autogroup
 * that was noted; without autogroups, if the session's leader exists and began no later than noted,
 * or, if the leader is gone, if the mark is in the process's environment. */
struct roster_rest roster_end(struct roster *roster);

/* False: /proc is missing, or belongs to another pid namespace. roster_end() then kills only each
 * program's process group, and cannot tell whether a number has been reused. */
bool roster_can_look(void);

#endif
