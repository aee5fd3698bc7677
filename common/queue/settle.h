/* settle - how a claimed job ends: done, retry, bury, release.
 *
 * Each call settles many jobs of one lease at once and acts only on those the lease still holds, so
 * repeating a call whose reply was lost changes nothing. settle_encode_*() builds the request once;
 * settle_call() sends it as often as needed. */
#ifndef DARG_QUEUE_SETTLE_H
#define DARG_QUEUE_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/lease.h"

enum { SETTLE_MAX = 1000 };                    /* jobs in one call */
enum { SETTLE_REPLY_TTL_MS = 60 * 60 * 1000 }; /* how long an unread reply list is kept */

/* One job's end. Which fields count depends on the call. When a job ends for good (done, bury),
 * those who asked are told: a producer that waits at `reply_name`, and anyone who asks for the
 * result of `result_id` within keep_ms. */
struct settle_item {
    int64_t number;         /* claim number */
    const char *reply_name; /* NULL or "": nobody waits */
    const char *result_id;  /* NULL or "": the result is not kept */
    int64_t keep_ms;        /* with result_id */
    struct slice told;      /* what they are told */
    struct slice head;      /* retry, bury: new envelope up to the original (job_append_head()) */
    bool is_whole;          /* retry, bury: the whole element is the original */
    bool was_started;       /* release: it was running (runs + 1) */
    int64_t delay_ms;       /* retry */
    struct slice original;  /* bury of a popped job: the job itself */
};

/* What is done when jobs end, also for calls of other modules: further keys of a script, and for
 * each of them what _follow.lua takes. Zeroed: nothing. */
struct settle_follow {
    struct request keys;
    struct request args;
};
void settle_follow_add(struct settle_follow *follow, const struct queue *queue,
                       const struct settle_item *item);
void settle_follow_fini(struct settle_follow *follow);

struct settle_answer {
    bool is_registered; /* false: the lease is lost, and nothing was changed */
    int64_t settled;    /* entries that this call itself removed */
};

void settle_encode_done(struct request *request, const struct lease *lease,
                        const struct settle_item *items, size_t count);
void settle_encode_retry(struct request *request, const struct lease *lease,
                         const struct settle_item *items, size_t count);
void settle_encode_bury(struct request *request, const struct lease *lease,
                        const struct settle_item *items, size_t count);
/* Items in descending order of number: the lowest ends up first in line. */
void settle_encode_release(struct request *request, const struct lease *lease,
                           const struct settle_item *items, size_t count);

enum settle_kind { SETTLE_DONE, SETTLE_RETRY, SETTLE_BURY, SETTLE_RELEASE, SETTLE_KINDS };
MUST_CHECK enum status settle_call(struct conn *conn, enum settle_kind kind,
                                   const struct request *request, struct settle_answer *answer,
                                   struct err *err);

/* At-most-once: reports popped jobs that have ended; done: how many are done; buried: items with
 * head and original. Those who asked are told of both. Do not send it again after ST_LOST_REPLY. */
MUST_CHECK enum status settle_popped(struct conn *conn, const struct queue *queue, int64_t done,
                                     const struct settle_item *items, size_t count,
                                     struct err *err);

/* At-most-once: popped jobs that could not be begun are run later, all after the delay of the
 * first. Items with head and original, count >= 1. Do not send it again after ST_LOST_REPLY. */
MUST_CHECK enum status settle_put_off_popped(struct conn *conn, const struct queue *queue,
                                             const struct settle_item *items, size_t count,
                                             struct err *err);

#endif
