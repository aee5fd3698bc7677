/* spawn - starts a program with three pipes, in a session of its own and, where there are
 * control groups, one of those. Without a terminal, that is: it can neither read from that of the
 * worker nor be stopped by it. Its process group has the session's number.
 *
 * The program inherits descriptors 0, 1 and 2 and no other, default signal dispositions and an
 * empty signal mask; it is held to its limits (confine.h), can gain no privileges, and the kernel
 * kills it when the thread that started it ends - which pool threads do only with the process. What
 * keeps it from starting after the fork is its first and only output on standard error, unless that
 * is a shortage: spawn_start() tells of it. */
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
    const struct limits *limits; /* NULL: none but that of core dumps */
    bool is_lasting;             /* it is to have spawn_renew() called */
    int64_t oom_kills;           /* oom.h; some time before */
    const struct home *home;     /* its control group, and where it is entered */
    int64_t files; /* its soft limit of descriptors, if its limits say nothing; 0: ours */
};

struct spawn_child {
    pid_t pid; /* of the program and of its group, until it is waited for */
    int pidfd; /* readable once it has ended; -1 where the system gives none */
    int input; /* our ends of its standard streams: nonblocking, -1 once closed */
    int output;
    int errors;
    bool is_lasting; /* as its program, as is oom_kills */
    int64_t oom_kills;
    struct cgroup *group; /* NULL: none */
    struct roster_place *place;
};

/* ST_SYSTEM with a sentence if the worker, or the machine, lacks what it takes: descriptors,
 * processes, memory, a control group. That says nothing of the program or its job, and may pass;
 * nothing is left open then. */
MUST_CHECK enum status spawn_start(const struct spawn_program *program, struct spawn_child *child,
                                   struct err *err);

/* The processor time that the program, not yet waited for, has used by itself; -1: not known. */
int64_t spawn_cpu_us(const struct spawn_child *child);

/* The most memory that the program itself has had so far, in bytes; 0: not known. Costs the kernel
 * some 20 us. */
int64_t spawn_peak(const struct spawn_child *child);

/* Lets a lasting program that has not ended begin anew with its processor time, for the next job.
 * Does nothing where the worker may not: then its limit is for all its life. */
void spawn_renew(const struct spawn_child *child, const struct limits *limits);

/* Sends a signal to the process group, and to the program itself should it have left that; SIGKILL
 * to all in the control group, too. Only while nobody has waited for it: its pid may be anyone's
 * afterwards. */
void spawn_signal(const struct spawn_child *child, int signal);

/* True once the program has ended. Does not wait for it, so that its pid and its group's name are
 * not given to anyone else. *is_lost: somebody else has waited for it, or SIGCHLD is ignored. */
MUST_CHECK bool spawn_has_ended(const struct spawn_child *child, bool *is_lost);

/* Waits for its end, unless that is_lost, and gives back its pid and its control group, in which
 * nothing lives on: no signal may be sent afterwards. *death is not known if it is lost. */
void spawn_wait(struct spawn_child *child, bool is_lost, struct death *death);

/* Closes the descriptor if it is open, and sets it to -1. */
void spawn_close(int *fd);

#endif
