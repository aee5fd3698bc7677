/* checker - checks the invariant of the fault tests: each job that was pushed has ended as often as
 * it should, or is in exactly one place; and the counters agree.
 *
 * Jobs of the queue "jobs" have the ids j0, j1 ...; what ran is known from a file with a line "ID
 * RUN" for each run, or from a reply list. One thread only. */
#ifndef DARG_TESTS_SUPPORT_CHECKER_H
#define DARG_TESTS_SUPPORT_CHECKER_H

#include <stddef.h>
#include <stdint.h>

#include "redis/conn.h"

struct checker;

/* All jobs are expected to run once, unless told otherwise. */
struct checker *checker_new(struct conn *conn, size_t jobs);
void checker_free(struct checker *checker);

void checker_expect_runs(struct checker *checker, size_t job, unsigned runs);

/* Adds the runs recorded in the file, or in the reply list. */
void checker_note_file(struct checker *checker, const char *path);
void checker_note_replies(struct checker *checker, const char *list);

struct checker_findings {
    size_t lost;     /* jobs that have not run as often as expected, and are in no key */
    size_t repeated; /* runs beyond those expected */
    size_t doubled;  /* jobs that are in two places, or will run although they have ended */
    size_t stuck;    /* jobs in the inbox or held by a worker */
    size_t waiting, scheduled, dead;
    int64_t unaccounted; /* claimed - done - retried - buried - released - reaped - held */
};

/* Reads every key that holds jobs. */
struct checker_findings checker_look(struct checker *checker);

/* Fails the test, printing `what`, unless nothing is lost, repeated, doubled or stuck, everything
 * is accounted for, and this many jobs are left waiting and dead. Frees the checker. */
void checker_expect(struct checker *checker, size_t waiting, size_t dead, const char *what);

#endif
