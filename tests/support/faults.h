/* faults - what tests of kills and of a failing Redis share, on top of worker_fixture. */
#ifndef DARG_TESTS_SUPPORT_FAULTS_H
#define DARG_TESTS_SUPPORT_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "support/worker_fixture.h"

/* How often `text` occurs in the worker's log. */
size_t faults_in_log(struct process *worker, const char *text);
/* in the logs of all its workers */
size_t faults_in_logs(struct worker_fixture *fixture, const char *text);

/* Waits until all jobs of worker_fixture_push_many() are done: each has delivered its result once,
 * none is anywhere else, and the counters agree. */
void faults_expect_all(struct worker_fixture *fixture, size_t jobs, const char *what);

/* Waits until the dead set of "jobs" has `count` members, and fails unless one of them contains all
 * these bytes. */
void faults_expect_dead(struct worker_fixture *fixture, size_t count, struct slice part,
                        const char *reason);

/* Waits until none of these processes is left (a zombie counts as gone). */
void faults_wait_gone(const pid_t *pids, size_t count);

/* Sorts the durations, prints p50 and the largest, and returns p50. */
int64_t faults_print_times(const char *what, int64_t *durations_ms, size_t count);

#endif
