/* plugin - handlers written in C, from a shared object (`--plugin FILE`) or from the program that
 * called darg_worker_run(). They are called in the worker, by the pool's threads.
 *
 * A plugin is opened when the options are read, begun in each process that runs its jobs, and
 * closed with the last of its handlers. One thread, except for the handlers' run. */
#ifndef DARG_WORKER_HANDLER_PLUGIN_H
#define DARG_WORKER_HANDLER_PLUGIN_H

#include "base/err.h"
#include "include/darg.h"
#include "worker/handler/handler.h"

struct plugin;

/* Loads what `--plugin` names: FILE or FILE=CONFIG. ST_INVALID with a sentence: no such file, it
 * cannot be loaded, is not a plugin, or was built for another version of darg.h. */
MUST_CHECK enum status plugin_open(const char *option, struct plugin **opened, struct err *err);

/* The program's own handlers, which are borrowed. */
struct plugin *plugin_wrap(const struct darg_handler *handlers, size_t count, void *state);

/* Drops the caller's reference; its handlers have their own. NULL is fine. */
void plugin_release(struct plugin *plugin);

const struct darg_handler *plugin_handlers(const struct plugin *plugin, size_t *count);
/* The file's absolute path, NULL for the program's own handlers; and what follows the '=', NULL if
 * nothing does. Borrowed. */
const char *plugin_file(const struct plugin *plugin);
const char *plugin_config(const struct plugin *plugin);

/* The handler number `index` of plugin_handlers(); free it with its free_state. */
struct handler plugin_handler(struct plugin *plugin, size_t index);

/* Call the plugin's init and fini, unless that has been done. ST_SYSTEM with the plugin's
 * sentence. */
MUST_CHECK enum status plugin_begin(struct plugin *plugin, struct err *err);
void plugin_end(struct plugin *plugin);

#endif
