/* check - is a queue whole? Reads all its keys, reports what is wrong, and repairs what can be
 * repaired.
 *
 * For `darg fsck`, the one command that scans the keyspace (SCAN, in bounded steps). It may run
 * while producers and workers do: what is judged together is read in one atomic step, what may be
 * in transit is looked at twice, and a live worker is never touched. */
#ifndef DARG_QUEUE_CHECK_H
#define DARG_QUEUE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/patience.h"
#include "queue/keys.h"
#include "redis/conn.h"

enum check_level { CHECK_NOTE, CHECK_WRONG, CHECK_MENDED };

struct check_finding {
    const char *kind; /* "orphan", "counters" ...: for programs to read; static */
    enum check_level level;
    int64_t count; /* jobs or entries concerned; -1: does not apply */
    char *key;     /* owned */
    char *text;    /* a few words; owned */
};

struct check {
    struct check_finding *findings; /* owned; {0} at first */
    size_t count, capacity;
};

struct check_options {
    bool is_repair;
    int64_t lease_ms; /* of the queue's workers */
    struct patience patience;
};

/* Adds what it finds to *check; with is_repair it repairs that, too. A status other than ST_OK: the
 * check could not be completed. Blocks for as long as it takes: two seconds or more if something
 * has to be looked at twice, a lease with is_repair. */
MUST_CHECK enum status check_run(struct conn *conn, const struct queue *queue,
                                 const struct check_options *options, struct check *check,
                                 struct err *err);
void check_fini(struct check *check);

#endif
