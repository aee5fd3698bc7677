/* giveback - returns jobs that this process will not run to the head of their queues. Blocking
 * calls, for the thread that owns the connection. */
#ifndef DARG_WORKER_FLOW_GIVEBACK_H
#define DARG_WORKER_FLOW_GIVEBACK_H

#include <stdint.h>

#include "redis/conn.h"
#include "worker/flow/ring.h"
#include "worker/flow/room.h"
#include "worker/flow/session.h"

/* Takes the tasks that wait in the ring, at most SETTLE_MAX, and releases them, unstarted. They are
 * retired in any case: if the status is not ST_OK, an audit must find out which are still
 * recorded. */
MUST_CHECK enum status giveback_waiting(struct conn *conn, struct ring *tasks, struct room *room,
                                        int64_t *given, struct err *err);

/* Releases jobs that Redis records as held by the session's worker but that this process does not
 * hold. base: number of the last job that the process was given; higher ones were never started. */
MUST_CHECK enum status giveback_unknown(struct conn *conn, struct session *session, int64_t base,
                                        int64_t *given, struct err *err);

/* A clean exit: releases everything still held under the session, counting one more run for started
 * jobs, and deregisters. */
MUST_CHECK enum status giveback_all(struct conn *conn, struct session *session, struct err *err);

#endif
