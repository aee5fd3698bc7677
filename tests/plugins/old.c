/* A plugin for a version of darg.h that is not this one. */
#include <darg.h>

static int run(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    return DARG_DONE;
}

const struct darg_plugin_info *darg_plugin(void)
{
    static const struct darg_handler handlers[] = {{.type = "old", .run = run}};
    static const struct darg_plugin_info plugin = {
        .abi = DARG_ABI_VERSION + 1, .name = "old", .handlers = handlers, .count = 1};
    return &plugin;
}
