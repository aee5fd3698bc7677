/* spawn - starts a program with three pipes, in a new session and, if they are used, in a control
 * group. So it has no terminal: it can neither read from the worker's nor be stopped by it. Its
 * process group has the session's number.
 *
 * The program inherits descriptors 0, 1 and 2 and no other, default signal dispositions and an
 * empty signal mask; its limits apply (confine.h), it cannot gain privileges, and the kernel kills
 * it when the thread that started it ends - which pool threads do only with the process. If it
 * cannot be executed after the fork, the reason is all that it writes to standard error; a shortage
 * is reported by spawn_start() instead. */
#ifndef DARG_WORKER_PROGRAM_SPAWN_H
#define DARG_WORKER_PROGRAM_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "worker/program/cgroup.h"
#include "worker/program/confine.h"
#include "worker/program/death.h"
#include "worker/program/home.h"
#include "worker/program/limits.h"
#include "worker/program/roster.h"

struct spawn_program {
    const char *path; /* absolute */
    char *const *argv;
    char *const *environment;
    const struct limits *limits; /* NULL: none, except that core dumps are disabled */
    bool is_lasting;             /* persistent: spawn_renew() will be called for it */
    int64_t oom_kills;           /* kills by the kernel (oom.h), read at some earlier time */
    const struct home *home;     /* for its control group and its place in the roster */
    int64_t files;               /* soft limit of descriptors if its limits give none; 0: ours */
};

struct spawn_child {
    pid_t pid; /* of the program and its process group; valid until it is waited for */
    int pidfd; /* readable once it has ended; -1: the system has none */
    int input; /* our ends of its standard streams: nonblocking; -1 once closed */
    int output;
    int errors;
    bool is_lasting; /* copied from spawn_program, like oom_kills */
    int64_t oom_kills;
    struct cgroup *group; /* NULL: none */
    struct roster_place *place;
};

/* ST_SYSTEM with a sentence if the worker, or the machine, lacks descriptors, processes, memory or
 * a control group. That says nothing about the program or its job, and may pass; nothing is left
 * open then. */
MUST_CHECK enum status spawn_start(const struct spawn_program *program, struct spawn_child *child,
                                   struct err *err);

/* Microseconds of processor time that the program itself has used; -1: not known. Not after it was
 * waited for. */
int64_t spawn_cpu_us(const struct spawn_child *child);

/* The program's own peak of memory so far, in bytes; 0: not known. Takes the kernel some 20 us. */
int64_t spawn_peak(const struct spawn_child *child);

/* Gives a persistent program that has not ended its full limit of processor time again, for the
 * next job. Does nothing if the worker lacks the right: the limit is then for the program's whole
 * life. */
void spawn_renew(const struct spawn_child *child, const struct limits *limits);

/* Sends a signal to the process group, and to the program itself in case it has left that; SIGKILL
 * also to everything in the control group. Only before it is waited for: afterwards its pid may be
 * anyone's. */
void spawn_signal(const struct spawn_child *child, int signal);

/* True once the program has ended. Does not reap it, so that its pid is not reused. *is_lost:
 * somebody else has waited for it, or SIGCHLD is ignored. */
MUST_CHECK bool spawn_has_ended(const struct spawn_child *child, bool *is_lost);

/* Waits for its end, unless is_lost, and gives up its pid and its control group, in which nothing
 * survives: no signal may be sent afterwards. *death is unknown if it is lost. */
void spawn_wait(struct spawn_child *child, bool is_lost, struct death *death);

/* Closes the descriptor if it is open, and sets it to -1. */
void spawn_close(int *fd);

#endif
