/* The worker as a function. */
#include "include/darg.h"
#include "library/guard.h"
#include "worker/entry.h"

int darg_worker_run(int argc, char **argv, const struct darg_handler *handlers, size_t count,
                    void *state)
{
    GUARD;
    struct plugin *own = plugin_wrap(handlers, count, state);
    int code = entry_run(argc, argv, own);
    plugin_release(own);
    return code;
}
