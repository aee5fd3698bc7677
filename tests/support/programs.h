/* programs - processes that lead a session, as the programs of jobs do, and answer when asked. */
#ifndef DARG_TESTS_SUPPORT_PROGRAMS_H
#define DARG_TESTS_SUPPORT_PROGRAMS_H

#include <sys/types.h>

#include "worker/program/roster.h"

struct program {
    pid_t pid;
    int ask, answer; /* our ends of its pipes */
    int wait_status;
};

/* Starts one, which is noted in this place (NULL: nowhere); returns once it is. */
struct program program_start(struct roster_place *place);

/* It ends by SIGKILL, now or soon. Waits for it. */
void program_expect_killed(struct program *program);

/* It answers. A signal that was sent to it before the question would keep it from that. */
void program_expect_alive(struct program *program);

/* Kills one that is alive, and waits for it. */
void program_end(struct program *program);

#endif
