/* builtin - handlers that are always there, for tests and benchmarks: noop; echo (its result is its
 * args); sleep (args: milliseconds); fail (args: the message). */
#ifndef DARG_WORKER_HANDLER_BUILTIN_H
#define DARG_WORKER_HANDLER_BUILTIN_H

#include "worker/handler/handler.h"

/* Ends with a row whose type is NULL. */
extern const struct handler builtin_handlers[];

#endif
