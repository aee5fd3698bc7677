/* pending - the jobs that `darg push --wait` waits for: each id, until it is settled.
 *
 * About 150 bytes a job that is under way (with a UUID for an id), and nothing for one that has
 * ended. One thread. */
#ifndef DARG_PRODUCER_PUSH_PENDING_H
#define DARG_PRODUCER_PUSH_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pending_job {
    char *id;         /* owned */
    int64_t sequence; /* the how-manyth job it is, from 0 */
    int64_t times;    /* jobs of this id; lines of the input may share one */
    int misses;       /* looks in a row that have not met it anywhere */
    size_t index;     /* in jobs */
};

struct pending {
    void *tree;                /* by id: tsearch() */
    struct pending_job **jobs; /* the same, in no order */
    size_t count, capacity;
    int64_t total; /* jobs, each as often as it was added */
    int64_t added; /* ever */
};

void pending_fini(struct pending *pending);

void pending_add(struct pending *pending, const char *id);

/* One job of this id has ended. False: none is waited for, as all have ended before. */
bool pending_settle(struct pending *pending, const char *id);

/* Forgets the job and all others of its id. */
void pending_drop(struct pending *pending, struct pending_job *job);

#endif
