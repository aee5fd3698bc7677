/* roster - which programs a worker process has started and not waited for yet, in memory that it
 * shares with its supervisor: what a dead process has left running is known by that.
 *
 * A program leads a session. Whatever it has started is in that session, in whatever process group,
 * unless it has begun a session of its own (a daemon): then only a control group tells (cgroup.h).
 * The program itself enters its session here before it is executed, so there is none that has run
 * and is not entered; and it is struck out before it is waited for, so a number that is entered
 * cannot be another's as long as the worker process lives. */
#ifndef DARG_WORKER_PROGRAM_ROSTER_H
#define DARG_WORKER_PROGRAM_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct roster;
struct roster_place;

/* For so many programs at a time. NULL if the system gives no shared memory. */
struct roster *roster_new(size_t count);
void roster_free(struct roster *roster); /* NULL is fine */

/* The programs are to have this variable with this value, which nobody else knows. */
#define ROSTER_VARIABLE "DARG_SESSION"
const char *roster_mark(const struct roster *roster);

/* A place for a program that is to be started, to be given back by roster_leave(). NULL: there is
 * no roster (NULL), or it is full. Any thread. */
struct roster_place *roster_take(struct roster *roster);

/* The session `leader` with this autogroup is, at this time, in this place (NULL: does nothing).
 * Safe after vfork(). */
void roster_note(struct roster_place *place, pid_t leader, int64_t now_ms, int64_t autogroup);

/* The clock of roster_note(): ms since the machine was started. Safe after vfork(). */
int64_t roster_now_ms(void);

/* The number that the kernel's scheduler gives to each session that begins, and to no other; what
 * is started in a session has it, too. That of the caller's; 0: the kernel has none. Safe after
 * vfork(). */
int64_t roster_own_autogroup(void);

/* Before the program is waited for, when its process group has been killed; NULL is fine. */
void roster_leave(struct roster_place *place);

struct roster_rest {
    size_t refused; /* processes that are left, since the kernel let none be killed */
    size_t unsure;  /* those in such a session that bear no sign of being ours: left alone */
};

/* Once the worker process is dead: sends SIGKILL to all that is in its programs' sessions, and
 * leaves no place taken; answers what is left. NULL: does nothing. Waits up to a tenth of a second
 * for them to end.
 *
 * A session's number may have become another's since. A process in it is ours if it has the
 * autogroup that was noted; where there are none, if the session's leader is there and began no
 * later than was noted, or, where that is gone, if the mark is in its environment. */
struct roster_rest roster_end(struct roster *roster);

/* False: /proc is not there, or that of another pid namespace. roster_end() then kills no more than
 * the process group of each program, and cannot tell whether a number has become another's. */
bool roster_can_look(void);

#endif
