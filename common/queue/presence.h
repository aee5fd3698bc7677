/* presence - which workers a queue has, and what each process says of itself. */
#ifndef DARG_QUEUE_PRESENCE_H
#define DARG_QUEUE_PRESENCE_H

#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* The registered workers of a queue: an array of name, score, name, score ..., which the caller
 * frees. */
MUST_CHECK enum status presence_workers(struct conn *conn, const struct queue *queue,
                                        struct reply **workers, struct err *err);

/* The info hash of a process (field, value, ...; empty array if it has expired); to be freed. */
MUST_CHECK enum status presence_process(struct conn *conn, const char *namespace,
                                        const char *process, struct reply **info, struct err *err);

/* The same for the process of a registration W. */
MUST_CHECK enum status presence_worker(struct conn *conn, const struct queue *queue,
                                       struct slice worker, struct reply **info, struct err *err);

/* What an info hash has in that field; ptr NULL: nothing. Borrowed. */
struct slice presence_told(const struct reply *info, const char *field);

/* The version of the protocol that a process says it speaks; 0: it says nothing, or no number. */
MUST_CHECK enum status presence_protocol(struct conn *conn, const char *namespace,
                                         const char *process, int64_t *protocol, struct err *err);

/* Publishes a process's info hash, which expires after ttl_ms: pairs of field and value. A failure
 * matters little, since nothing depends on it. */
MUST_CHECK enum status presence_publish(struct conn *conn, const char *namespace,
                                        const char *process, const char *const *fields_and_values,
                                        size_t count, int64_t ttl_ms, struct err *err);
MUST_CHECK enum status presence_unpublish(struct conn *conn, const char *namespace,
                                          const char *process, struct err *err);

/* Number of jobs that workers hold (HLEN of claimed:W less the fields that are not jobs). */
MUST_CHECK enum status presence_held_by(struct conn *conn, const struct queue *queue,
                                        const char *worker, int64_t *held, struct err *err);

#endif
