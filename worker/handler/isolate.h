/* isolate - runs a handler in C in a separate process (`--isolate`): the worker's own program,
 * executed again as a persistent handler (stream.h). Environment variables tell the new process
 * what it is; isolated.h is its side. */
#ifndef DARG_WORKER_HANDLER_ISOLATE_H
#define DARG_WORKER_HANDLER_ISOLATE_H

#include "base/err.h"
#include "worker/handler/handler.h"

/* The variables that tell the process what it is. */
#define ISOLATE_TYPE "DARG_ISOLATED_TYPE"
/* the value of --plugin; unset: the program's own handlers */
#define ISOLATE_PLUGIN "DARG_ISOLATED_PLUGIN"
#define ISOLATE_MAX_OUTPUT "DARG_ISOLATED_MAX_OUTPUT"

struct isolate_spec {
    const char *type;
    /* Of the plugin; file NULL: the program's own handlers; config NULL: none. */
    const char *file, *config;
    int64_t max_output;
};

/* Makes the handler; free it with its free_state. ST_INVALID with a sentence. */
MUST_CHECK enum status isolate_make(const struct isolate_spec *spec, struct handler *handler,
                                    struct err *err);

#endif
