/* registry - which handler a type of job has. Filled at the start, fixed once threads run. */
#ifndef DARG_WORKER_HANDLER_REGISTRY_H
#define DARG_WORKER_HANDLER_REGISTRY_H

#include "base/err.h"
#include "worker/handler/handler.h"
#include "worker/handler/plugin.h"

struct registry;

struct registry *registry_new(void); /* with the built-in handlers in it */
void registry_free(struct registry *registry);

/* Adds what `--handler TYPE=COMMAND` or `TYPE=stream:COMMAND` says. ST_INVALID with a sentence: no
 * '=', bad type, unbalanced quotes, empty command, the program is not to be found or not
 * executable. A later row for the same type replaces. */
MUST_CHECK enum status registry_add_option(struct registry *registry, const char *option,
                                           struct err *err);

/* The values of options about programs. */
struct registry_options {
    const char *const *items;
    size_t count;
};

/* Passes on to programs what these `--pass-env [TYPE=]NAME,...` say. Before registry_set_limits().
 * ST_INVALID with a sentence: no such name, no such handler, or none with programs. */
MUST_CHECK enum status registry_check_passed(const struct registry *registry,
                                             const struct registry_options *passed,
                                             struct err *err);

/* Holds the handlers to what these `--limit TYPE=LIST` say, TYPE being * for all of them; later
 * ones count more than earlier ones, and those of a type more than those of all. Passes on to their
 * programs what was found good by registry_check_passed(). Once, after the last
 * registry_add_option(). has_groups: as of limits_settle(). ST_INVALID with a sentence: limits.h,
 * or no such handler. */
MUST_CHECK enum status registry_set_limits(struct registry *registry,
                                           const struct registry_options *given,
                                           const struct registry_options *passed, bool has_groups,
                                           struct err *err);

/* How handlers in C are run. */
struct registry_how {
    bool is_isolated;   /* in processes of their own */
    int64_t max_output; /* as of --max-output */
};

/* Adds the plugin's handlers, which hold it. ST_INVALID with a sentence: a bad type, or one that
 * has a handler already; built-in ones are replaced. */
MUST_CHECK enum status registry_add_plugin(struct registry *registry, struct plugin *plugin,
                                           const struct registry_how *how, struct err *err);

/* Opens and adds what `--plugin FILE` names. */
MUST_CHECK enum status registry_add_plugin_option(struct registry *registry, const char *option,
                                                  const struct registry_how *how, struct err *err);

/* Lets jobs of this type give options to their program (`--allow-dash TYPE`). ST_INVALID with a
 * sentence: no such handler, or none that needs it. */
MUST_CHECK enum status registry_allow_dash(struct registry *registry, const char *type,
                                           struct err *err);

/* Logs what is dangerous in the commands. Once, when the log is open. */
void registry_warn(const struct registry *registry);

/* Logs the names of variables that programs do not have unless they are asked for. As above. */
void registry_tell_withheld(const struct registry *registry);

/* How many handlers have programs, and how many have some that stay: for each thread, one. */
size_t registry_count_programs(const struct registry *registry);
size_t registry_count_residents(const struct registry *registry);

/* Begins all that has to be begun in this process, before there are threads. Programs have what
 * this home has, which is borrowed until registry_end(). ST_SYSTEM with a sentence. */
MUST_CHECK enum status registry_begin(const struct registry *registry, const struct home *home,
                                      struct err *err);
void registry_end(const struct registry *registry); /* when no job runs any more */

/* NULL: no handler for that type here. Any thread. */
const struct handler *registry_find(const struct registry *registry, const char *type);

/* Looks after what the handlers keep for a pool thread that is idle; to be called now and then,
 * where registry_wants_care(). Only that thread; does not wait. */
void registry_attend(const struct registry *registry, size_t thread);
bool registry_wants_care(const struct registry *registry);

/* Ends what the handlers keep for a pool thread: called by each thread when it has run its last
 * job, before it ends. Returns within two seconds, however many handlers there are. */
void registry_leave(const struct registry *registry, size_t thread);

/* Appends the types, sorted, separated by commas: for the registration and the log. */
void registry_append_types(const struct registry *registry, struct buf *out);

#endif
