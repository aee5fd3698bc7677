/* pop - how an at-most-once worker takes a job: a plain pop over its queues, blocking where there
 * was nothing, and a list by which it can be woken. */
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

/* LMPOP over the queues, with_suspects: over each one's suspects before its line, too: never waits
 * for a job. Without them it costs Redis a tenth less than BRPOP, which has to look at wake_key and
 * the suspects too. After ST_LOST_REPLY of this call or the next, a job may be gone: that is what
 * "at most once" means. */
MUST_CHECK enum status pop_try(struct conn *conn, const struct queue *const *queues, size_t count,
                               bool with_suspects, struct pop *pop, struct err *err);

/* BRPOP wake_key, of each queue the suspects and then the line, timeout: blocks until a job, a
 * token or the timeout comes. Suspects are ahead of what is in line, the sentinel above all. */
MUST_CHECK enum status pop_call(struct conn *conn, const char *wake_key,
                                const struct queue *const *queues, size_t count, int64_t timeout_s,
                                struct pop *pop, struct err *err);

/* Pushes `tokens` tokens, which expire by themselves. */
MUST_CHECK enum status pop_wake(struct conn *conn, const char *wake_key, size_t tokens,
                                struct err *err);

#endif
