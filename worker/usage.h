/* usage - what the program of a run has used and, if it has, how it ended, for the reply, the
 * envelope of a failed job, and the log. Pure; any thread. */
#ifndef DARG_WORKER_USAGE_H
#define DARG_WORKER_USAGE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/log.h"
#include "worker/handler/handler.h"

/* Appends a JSON object (docs/protocol.md); nothing where it is not known. */
void usage_append(struct buf *out, const struct handler_usage *usage, int64_t wall_ms);

enum { USAGE_FIELDS_MAX = 4 };
/* Fills in fields of a log line, up to USAGE_FIELDS_MAX; returns how many. */
size_t usage_list(const struct handler_usage *usage, struct log_field *fields);

#endif
