/* http - a handler that sends jobs to a URL (`--handler TYPE=https://...`): runs darg-http as a
 * persistent handler (stream.h). */
#ifndef DARG_WORKER_HANDLER_HTTP_H
#define DARG_WORKER_HANDLER_HTTP_H

#include <stdbool.h>

#include "base/err.h"
#include "worker/handler/handler.h"

/* True if the text begins with https:// or http://. */
bool http_is(const char *text);

/* Finds darg-http beside this program, or else in PATH. ST_INVALID with a sentence, also for a URL
 * with a password. Free the handler with its free_state, like stream_parse()'s. */
MUST_CHECK enum status http_parse(const char *url, struct handler *handler, struct err *err);

#endif
