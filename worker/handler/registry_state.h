/* registry_state - what the halves of the registry share: its rows. Included by registry*.c only.
 */
#ifndef DARG_WORKER_HANDLER_REGISTRY_STATE_H
#define DARG_WORKER_HANDLER_REGISTRY_STATE_H

#include "worker/handler/registry.h"
#include "worker/program/limits.h"

struct row {
    char *type; /* owned, like the handler's state */
    struct handler handler;
    struct limits *limits; /* NULL: none */
    bool is_builtin;
};

struct registry {
    struct row *rows; /* sorted by type */
    size_t count;
};

#endif
