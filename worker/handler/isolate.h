/* isolate - a handler in C in a process of its own (`--isolate`): the worker's own program,
 * executed again as a persistent handler (stream.h). What the new process is to be stands in
 * variables of its environment; isolated.h is its side. */
#ifndef DARG_WORKER_HANDLER_ISOLATE_H
#define DARG_WORKER_HANDLER_ISOLATE_H

#include "base/err.h"
#include "worker/handler/handler.h"

/* The variables. */
#define ISOLATE_TYPE "DARG_ISOLATED_TYPE"
#define ISOLATE_PLUGIN "DARG_ISOLATED_PLUGIN" /* the option's value; not there: own handlers */
#define ISOLATE_MAX_OUTPUT "DARG_ISOLATED_MAX_OUTPUT"

struct isolate_spec {
    const char *type;
    const char *file, *config; /* of the plugin; NULL: the program's own; NULL: none */
    int64_t max_output;
};

/* To be freed by its free_state. */
MUST_CHECK enum status isolate_make(const struct isolate_spec *spec, struct handler *handler,
                                    struct err *err);

#endif
