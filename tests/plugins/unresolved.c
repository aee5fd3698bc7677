/* A plugin that calls a function which nobody has. */
#include <darg.h>

void function_that_nobody_has(void);

static int run(void *state, struct darg_job *job)
{
    (void)state;
    (void)job;
    function_that_nobody_has();
    return DARG_DONE;
}

const struct darg_plugin_info *darg_plugin(void)
{
    static const struct darg_handler handlers[] = {{.type = "unresolved", .run = run}};
    static const struct darg_plugin_info plugin = {
        .abi = DARG_ABI_VERSION, .name = "unresolved", .handlers = handlers, .count = 1};
    return &plugin;
}
