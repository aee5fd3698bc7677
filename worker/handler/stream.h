/* stream - a persistent handler: a process for each thread, given one job after another
 * (`--handler TYPE=stream:COMMAND`).
 *
 * The process speaks JSON lines (docs/handlers.md). It is started at the thread's first job of the
 * type. One that dies is replaced at the next job, after a pause if it has answered nothing; the
 * job it held is tried again and counts a crash. One that breaks the protocol is killed, and its
 * job tried again. Standard error goes to the log; its end is part of the reason of a failure.
 * Between jobs an idle thread looks now and then whether its process has ended, and reads what it
 * wrote.
 *
 * The same holds for the worker's process as for exec.h. */
#ifndef DARG_WORKER_HANDLER_STREAM_H
#define DARG_WORKER_HANDLER_STREAM_H

#include "base/err.h"
#include "worker/handler/handler.h"

/* True if the text begins as `stream:COMMAND` or `stream,OPTION=VALUE:COMMAND` does. */
bool stream_is(const char *text);

/* Parses such a text: the options are jobs=N and rss=SIZE, after which the process is replaced.
 * ST_INVALID with a sentence. The handler is to be freed by its free_state, when every thread that
 * has run it has called its leave. */
MUST_CHECK enum status stream_parse(const char *text, struct handler *handler, struct err *err);

#endif
