/* pop - how an at-most-once worker takes a job: a plain pop from its queues, a blocking one if that
 * finds nothing, and a list by which it can be woken. */
#ifndef DARG_QUEUE_POP_H
#define DARG_QUEUE_POP_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* What a pop brought. Owns the reply that `job` points into. */
struct pop {
    const struct queue *queue; /* one of those asked for; NULL: time out, or woken by a token */
    struct slice job;
    struct reply *reply;
};
void pop_fini(struct pop *pop);

/* LMPOP from the queues, with_suspects from each queue's suspects before its line: never waits for
 * a job. Without them it costs Redis a tenth less than BRPOP, which has to look at wake_key and the
 * suspects too. After ST_LOST_REPLY of this call or the next, a job may be gone: that is what "at
 * most once" means. */
MUST_CHECK enum status pop_try(struct conn *conn, const struct queue *const *queues, size_t count,
                               bool with_suspects, struct pop *pop, struct err *err);

/* BRPOP from wake_key and from each queue's suspects and then its line: blocks until a job or a
 * token comes, or for the timeout. Suspects come before what is in line, above all before a
 * sentinel. */
MUST_CHECK enum status pop_call(struct conn *conn, const char *wake_key,
                                const struct queue *const *queues, size_t count, int64_t timeout_s,
                                struct pop *pop, struct err *err);

/* Pushes `tokens` tokens, which expire by themselves. */
MUST_CHECK enum status pop_wake(struct conn *conn, const char *wake_key, size_t tokens,
                                struct err *err);

#endif
