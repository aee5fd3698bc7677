/* check - is a queue whole? Reads all its keys, says what is wrong, and mends what can be mended.
 *
 * For `darg fsck`, the one command that scans the keyspace (SCAN, in bounded steps). It may run
 * beside producers and workers: what is judged together is read in one atomic step, what may be on
 * its way is looked at twice, and a worker that lives is never touched. */
#ifndef DARG_QUEUE_CHECK_H
#define DARG_QUEUE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/patience.h"
#include "queue/keys.h"
#include "redis/conn.h"

enum check_level { CHECK_NOTE, CHECK_WRONG, CHECK_MENDED };

struct check_finding {
    const char *kind; /* "orphan", "counters" ...: for programs; static */
    enum check_level level;
    int64_t count; /* jobs or entries that it is about; -1: does not apply */
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

/* Adds what is found to *check, mended with is_repair. A status other than ST_OK: the check could
 * not be carried out to its end. Blocks for as long as it takes: two seconds and more where
 * something has to be looked at twice, with is_repair a lease. */
MUST_CHECK enum status check_run(struct conn *conn, const struct queue *queue,
                                 const struct check_options *options, struct check *check,
                                 struct err *err);
void check_fini(struct check *check);

#endif
