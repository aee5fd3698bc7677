/* A plugin whose type cannot be listed with commas. */
#include <darg.h>

static int run(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    return DARG_DONE;
}

const struct darg_plugin_info *darg_plugin(void)
{
    static const struct darg_handler handlers[] = {{.type = "a,b", .run = run}};
    static const struct darg_plugin_info plugin = {
        .abi = DARG_ABI_VERSION, .name = "badtype", .handlers = handlers, .count = 1};
    return &plugin;
}
