/* presence_walk - the workers of a queue, or of all queues: one visit for each registration. One
 * thread. */
#ifndef DARG_QUEUE_PRESENCE_WALK_H
#define DARG_QUEUE_PRESENCE_WALK_H

#include <stdbool.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* What a process says of itself (docs/protocol.md): field of its info hash, and whether that is a
 * number. */
#define PRESENCE_FIELD_LIST(X)                                                                     \
    X(host, false)                                                                                 \
    X(pid, true)                                                                                   \
    X(queues, false)                                                                               \
    X(types, false)                                                                                \
    X(threads, true)                                                                               \
    X(busy, true)                                                                                  \
    X(uptime_ms, true)                                                                             \
    X(version, false)                                                                              \
    X(protocol, true)                                                                              \
    X(delivery, false)

/* A registration: a worker process on a queue. Borrowed for the time of a visit. */
struct presence_worker {
    const char *queue;
    struct slice name; /* W */
    int64_t held;      /* jobs */
    int64_t age_ms;    /* since its last sign of life */
#define PRESENCE_FIELD(name, is_number) struct slice name;
    PRESENCE_FIELD_LIST(PRESENCE_FIELD) /* ptr NULL: not published, or expired */
#undef PRESENCE_FIELD
};

struct presence_walk {
    /* Anything but ST_OK ends the walk. */
    enum status (*visit)(void *context, const struct presence_worker *worker, struct err *err);
    void *context;
};

/* The workers of one queue / of all queues that are listed. Block for a few round trips for each
 * worker. */
MUST_CHECK enum status presence_walk_queue(struct conn *conn, const struct queue *queue,
                                           const struct presence_walk *walk, struct err *err);
MUST_CHECK enum status presence_walk_all(struct conn *conn, const char *namespace,
                                         const struct presence_walk *walk, struct err *err);

#endif
