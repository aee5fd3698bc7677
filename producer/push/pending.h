/* pending - the jobs that `darg push --wait` waits for: each id, until it is settled.
 *
 * Takes about 150 bytes for each job that has not ended (with a UUID as its id), and nothing for
 * one that has. One thread. */
#ifndef DARG_PRODUCER_PUSH_PENDING_H
#define DARG_PRODUCER_PUSH_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pending_job {
    char *id;         /* owned */
    int64_t sequence; /* its place in the order of jobs, from 0 */
    int64_t times;    /* jobs with this id; input lines may share one */
    int misses;       /* looks in a row that have not found it anywhere */
    size_t index;     /* in jobs */
};

struct pending {
    void *tree;                /* by id: tsearch() */
    struct pending_job **jobs; /* the same, in no order */
    size_t count, capacity;
    int64_t total; /* jobs, each counted as often as it was added */
    int64_t added; /* ever */
};

void pending_fini(struct pending *pending);

void pending_add(struct pending *pending, const char *id);

/* One job with this id has ended. False: none is awaited, since all have ended before. */
bool pending_settle(struct pending *pending, const char *id);

/* Forgets the job and all others with its id. */
void pending_drop(struct pending *pending, struct pending_job *job);

#endif
