/* push - a producer adds jobs.
 *
 * push_encode() builds one call with many jobs, to be pipelined with conn_send()/conn_receive().
 * The script enforces the queue's bound (max_len), so fewer jobs may be accepted. A push whose
 * reply was lost may have happened. */
#ifndef DARG_QUEUE_PUSH_H
#define DARG_QUEUE_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/keys.h"
#include "redis/conn.h"

enum { PUSH_MAX = 1000 }; /* jobs in one call */

/* Readies a connection for pipelined pushes (loads the script) and adds the queue's name to the set
 * of names. *is_plain: this user may not run scripts: use push_encode_plain(), which enforces no
 * bound. */
MUST_CHECK enum status push_open(struct conn *conn, const struct queue *queue, bool *is_plain,
                                 struct err *err);

/* One call with `count` jobs, count <= PUSH_MAX. */
void push_encode(struct request *request, const struct queue *queue, const struct slice *jobs,
                 size_t count);
void push_encode_plain(struct request *request, const struct queue *queue, const struct slice *jobs,
                       size_t count);

/* Reads the reply of either: how many of the call's first jobs were accepted (`count`: how many it
 * held), and the queue's length. */
MUST_CHECK enum status push_decode(const struct reply *reply, size_t count, size_t *accepted,
                                   int64_t *length, struct err *err);

/* Both in one blocking call: *accepted of `count` jobs. */
MUST_CHECK enum status push_call(struct conn *conn, const struct queue *queue,
                                 const struct slice *jobs, size_t count, size_t *accepted,
                                 int64_t *length, struct err *err);

/* Delayed jobs: each is wrapped with a token of its own and joins the queue after delay_ms. May be
 * repeated with the same members, which push_wrap() makes. No bound applies. */
void push_wrap(struct buf *member, struct slice job);
MUST_CHECK enum status push_delayed(struct conn *conn, const struct queue *queue, int64_t delay_ms,
                                    const struct slice *members, size_t count, struct err *err);

#endif
