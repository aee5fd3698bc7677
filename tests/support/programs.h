/* programs - processes that lead a session, like the programs of jobs, and answer when asked. */
#ifndef DARG_TESTS_SUPPORT_PROGRAMS_H
#define DARG_TESTS_SUPPORT_PROGRAMS_H

#include <sys/types.h>

#include "worker/program/roster.h"

struct program {
    pid_t pid;
    int ask, answer; /* our ends of its pipes */
    int wait_status;
};

/* Starts one and enters it in this place (NULL: nowhere); returns once that is done. */
struct program program_start(struct roster_place *place);

/* Fails unless SIGKILL has ended it, or soon does. Waits for it. */
void program_expect_killed(struct program *program);

/* Fails unless it answers. A SIGKILL sent before the question would keep it from answering. */
void program_expect_alive(struct program *program);

/* Kills one that is alive, and waits for it. */
void program_end(struct program *program);

#endif
