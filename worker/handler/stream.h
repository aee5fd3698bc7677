/* stream - a persistent handler: one process per thread, which gets one job after another
 * (`--handler TYPE=stream:COMMAND`).
 *
 * The process speaks JSON lines (docs/handlers.md). It is started at the thread's first job of the
 * type. If it dies, it is replaced at the next job, after a pause if it has not answered any; the
 * job that it had is tried again and counts a crash. If it breaks the protocol, it is killed, and
 * its job is tried again. Standard error goes to the log; the last of it is part of the reason for
 * a failure. An idle thread checks now and then whether its process has ended, and reads what it
 * wrote.
 *
 * The worker's process must meet the same conditions as for exec.h. */
#ifndef DARG_WORKER_HANDLER_STREAM_H
#define DARG_WORKER_HANDLER_STREAM_H

#include "base/err.h"
#include "worker/handler/handler.h"

/* True if the text begins like `stream:COMMAND` or `stream,OPTION=VALUE:COMMAND`. */
bool stream_is(const char *text);

/* Parses such a text. The options jobs=N and rss=SIZE say when to replace the process. ST_INVALID
 * with a sentence. Free the handler with its free_state, once every thread that has run it has
 * called its leave. */
MUST_CHECK enum status stream_parse(const char *text, struct handler *handler, struct err *err);

#endif
