/* keys - the names of a queue's keys, in one place.
 *
 * The queue's name stands in braces (a cluster hash tag), so that all keys of a queue are in one
 * slot. A struct queue is fixed after queue_init() and may be shared by any number of threads. */
#ifndef DARG_QUEUE_KEYS_H
#define DARG_QUEUE_KEYS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define QUEUE_DEFAULT_NAMESPACE "darg"
#define QUEUE_DEFAULT_NAME "default"

/* When the next job is due if there is none: later than any time. */
#define QUEUE_NEVER INT64_MAX

/* The keys that a queue has once: field of struct queue, what follows darg:{Q}, and the type in
 * Redis. */
#define QUEUE_KEY_LIST(X)                                                                          \
    X(jobs, "", "list")        /* waiting jobs, pushed at the left, claimed from the right */      \
    X(inbox, ":inbox", "list") /* jobs that woke a worker, on their way into a claim */            \
    X(suspects, ":suspects", "list") /* jobs that ran when a worker died; claimed with care */     \
    X(workers, ":workers", "zset")   /* worker -> server ms of its last renewal */                 \
    X(drained, ":drained", "set")    /* workers waiting at the end of a drain */                   \
    X(reaped, ":reaped", "set")      /* fenced workers whose holdings are not all moved yet */     \
    X(gone, ":gone", "zset") /* workers that have left -> when; refused, kept for an hour */       \
    X(scheduled, ":scheduled", "zset") /* job -> due time, server ms */                            \
    X(dead, ":dead", "zset")           /* job -> time of death, server ms */                       \
    X(settings, ":settings", "hash")   /* paused, limits, drains */                                \
    X(counts, ":counts", "hash")       /* done, retried ...; they only grow */                     \
    X(waits, ":waits", "list")         /* since when jobs wait: "server ms:position" */            \
    X(cancel, ":cancel", "zset")       /* id of a job to be stopped -> when that was asked for */  \
    X(shutdown, ":shutdown", "string") /* the queue's shutdown key */

struct queue {
    char *namespace; /* "darg" */
    char *name;      /* "default" */
#define QUEUE_KEY_FIELD(field, suffix, type) char *field;
    QUEUE_KEY_LIST(QUEUE_KEY_FIELD)
#undef QUEUE_KEY_FIELD
};

/* Checks namespace and name ([A-Za-z0-9_.:-], 1 to 128 bytes) and makes the keys, owned by *queue.
 * ST_INVALID with a sentence. Call queue_fini() in any case; a zeroed struct is fine. */
MUST_CHECK enum status queue_init(struct queue *queue, const char *namespace, const char *name,
                                  struct err *err);
void queue_fini(struct queue *queue);

/* Keys that depend on more than the queue; each appends to `out`. */
void queue_claimed_key(const struct queue *queue, const char *worker, struct buf *out);
void queue_reply_key(const struct queue *queue, const char *reply, struct buf *out);
/* List that holds the result of the job with this id, for as long as its producer asked. */
void queue_result_key(const struct queue *queue, const char *id, struct buf *out);
/* String in which a worker says what it is running, JSON (docs/protocol.md). */
void queue_running_key(const struct queue *queue, const char *worker, struct buf *out);
/* List on which an at-most-once worker's blocked threads can be woken. */
void queue_wake_key(const struct queue *queue, const char *worker, struct buf *out);

/* Keys that belong to no queue: the set of queues' names, a worker's info hash, the shutdown
 * keys. */
void queue_names_key(const char *namespace, struct buf *out);
void queue_worker_key(const char *namespace, const char *process, struct buf *out);
void queue_shutdown_key(const char *namespace, const char *process,
                        struct buf *out); /* NULL: of all */

#endif
