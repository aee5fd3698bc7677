/* worker_fixture - real workers on a private server, for tests of build/darg-worker.
 *
 * Group setup and teardown start and end the server; each test begins with an empty one
 * (worker_fixture_reset) and ends with every worker and child killed (worker_fixture_end). The
 * queue is "jobs" unless a test says otherwise. One thread only. */
#ifndef DARG_TESTS_SUPPORT_WORKER_FIXTURE_H
#define DARG_TESTS_SUPPORT_WORKER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/commands.h"
#include "support/control_group.h"
#include "support/process.h"
#include "support/redis_server.h"

enum { WORKER_FIXTURE_MAX = 32, WORKER_FIXTURE_WAIT_MS = 40000 };

struct worker_fixture {
    struct redis_server *server;
    struct conn *conn;
    char directory[96]; /* for a test's files; emptied together with the server */
    int test;           /* number of the test, part of its files' names */
    /* The program to start as a worker, in the build's directory. A test may set it, and
     * environment variables for it. */
    const char *program;
    const char *env[4];
    const char *terminal;              /* of workers; NULL: none */
    const struct control_group *group; /* where workers are started; NULL: the test's own */
    struct process *workers[WORKER_FIXTURE_MAX];
    size_t count;
};

int worker_fixture_setup(void **state);
int worker_fixture_setup_durable(void **state); /* whatever is acknowledged is on disk */
/* With further arguments for redis-server, ending with NULL. */
int worker_fixture_setup_with(void **state, const char *const *server_args);
int worker_fixture_teardown(void **state);
int worker_fixture_reset(void **state);
int worker_fixture_end(void **state);

#define WORKER_TEST(function)                                                                      \
    cmocka_unit_test_setup_teardown(function, worker_fixture_reset, worker_fixture_end)

/* Starts a worker with -r and these arguments, and waits until it can claim. It is freed at the
 * test's end. Its handlers get the fixture's directory as $DIR (through DARG_PASS_ENV). */
#define worker_fixture_start(fixture, ...)                                                         \
    worker_fixture_start_args((fixture), true, COMMANDS_ARGS(__VA_ARGS__))
#define worker_fixture_launch(fixture, ...)                                                        \
    worker_fixture_start_args((fixture), false, COMMANDS_ARGS(__VA_ARGS__))
struct process *worker_fixture_start_args(struct worker_fixture *fixture, bool is_awaited,
                                          const char *const *args);
/* Starts fixture->program with these arguments and no others. */
#define worker_fixture_run(fixture, ...)                                                           \
    worker_fixture_run_args((fixture), COMMANDS_ARGS(__VA_ARGS__), 0)
struct process *worker_fixture_run_args(struct worker_fixture *fixture, const char *const *args,
                                        int ready_fd);

/* The worker must end by itself with this exit code. */
void worker_fixture_expect_exit(struct process *worker, int exit_code);

/* Lists the supervisor's children; returns how many there are. */
size_t worker_fixture_children(const struct process *worker, pid_t *children, size_t max);
/* Its first child. */
pid_t worker_fixture_child(const struct process *worker);
bool worker_fixture_is_alive(pid_t pid); /* a zombie is not */

/* kill -9 of the supervisor and its children at once. */
void worker_fixture_kill(struct process *worker);

/* The path of a file of this test; borrowed, valid for the next three calls. */
const char *worker_fixture_path(struct worker_fixture *fixture, const char *name);
/* Writes the script to a file and returns "TYPE=sh FILE", for --handler. Borrowed likewise. */
const char *worker_fixture_handler(struct worker_fixture *fixture, const char *type,
                                   const char *script);
void worker_fixture_touch(const char *path);
char *worker_fixture_read(const char *path); /* "" if there is none; to free() */
/* Waits until the file has this many lines. */
void worker_fixture_wait_lines(const char *path, size_t lines);

/* LPUSH onto "jobs". */
#define worker_fixture_push(fixture, ...)                                                          \
    worker_fixture_push_args((fixture), COMMANDS_ARGS(__VA_ARGS__))
void worker_fixture_push_args(struct worker_fixture *fixture, const char *const *jobs);
/* Pushes `count` jobs with this type and args and the ids j0 ...; their outcomes go to the reply
 * list "r". */
void worker_fixture_push_many(struct worker_fixture *fixture, size_t count, const char *type,
                              const char *args);

/* What the reply list "r" says about the jobs of push_many(): the number of different ids, of
 * replies beyond the first per id, and of runs after the first. */
struct worker_fixture_outcomes {
    size_t ids, repeats, reruns;
};
struct worker_fixture_outcomes worker_fixture_outcomes(struct worker_fixture *fixture,
                                                       size_t count);

/* Reads a counter of "jobs" / waits until it has at least, and then exactly, this value. */
int64_t worker_fixture_count(struct worker_fixture *fixture, const char *name);
void worker_fixture_wait_count(struct worker_fixture *fixture, const char *name, int64_t value);
void worker_fixture_wait_above(struct worker_fixture *fixture, const char *name, int64_t value);

/* How many jobs all workers hold together, according to the hashes. */
int64_t worker_fixture_held(struct worker_fixture *fixture);
void worker_fixture_wait_held(struct worker_fixture *fixture, int64_t value);

/* Waits until each registered worker has renewed twice more: by then it has seen every earlier
 * order. */
void worker_fixture_wait_renewals(struct worker_fixture *fixture);

/* No key of jobs, inbox, suspects, holdings, registry, drained or reaped is left, and the counters
 * agree. */
void worker_fixture_expect_clean(struct worker_fixture *fixture);

#endif
