/* registry - maps each type of job to its handler. Filled at the start, fixed once threads run. */
#ifndef DARG_WORKER_HANDLER_REGISTRY_H
#define DARG_WORKER_HANDLER_REGISTRY_H

#include "base/err.h"
#include "worker/handler/handler.h"
#include "worker/handler/plugin.h"

struct registry;

struct registry *registry_new(void); /* contains the built-in handlers */
void registry_free(struct registry *registry);

/* Adds what `--handler TYPE=COMMAND` or `TYPE=stream:COMMAND` says. ST_INVALID with a sentence: no
 * '=', bad type, unbalanced quotes, empty command, or a program that does not exist or is not
 * executable. A later handler for the same type replaces an earlier one. */
MUST_CHECK enum status registry_add_option(struct registry *registry, const char *option,
                                           struct err *err);

/* The values of a repeated option about programs; borrowed. */
struct registry_options {
    const char *const *items;
    size_t count;
};

/* Checks `--pass-env [TYPE=]NAME,...`; registry_set_limits(), called afterwards, applies it.
 * ST_INVALID with a sentence: not a name, no such handler, or none with programs. */
MUST_CHECK enum status registry_check_passed(const struct registry *registry,
                                             const struct registry_options *passed,
                                             struct err *err);

/* Applies `--limit TYPE=LIST` to the handlers; TYPE * means all. Later options override earlier
 * ones, and those of a type override those for all. Also applies what registry_check_passed()
 * accepted. Call once, after the last handler was added. has_groups: see limits_settle().
 * ST_INVALID with a sentence: as limits.h says, or no such handler. */
MUST_CHECK enum status registry_set_limits(struct registry *registry,
                                           const struct registry_options *given,
                                           const struct registry_options *passed, bool has_groups,
                                           struct err *err);

/* How handlers in C are run. */
struct registry_how {
    bool is_isolated;   /* each in a process of its own */
    int64_t max_output; /* as --max-output says; bytes */
};

/* Adds the plugin's handlers, each with a reference to it. ST_INVALID with a sentence: a bad type,
 * or one that has a handler already; built-in handlers are replaced. */
MUST_CHECK enum status registry_add_plugin(struct registry *registry, struct plugin *plugin,
                                           const struct registry_how *how, struct err *err);

/* Opens the plugin that `--plugin FILE` names, and adds its handlers. */
MUST_CHECK enum status registry_add_plugin_option(struct registry *registry, const char *option,
                                                  const struct registry_how *how, struct err *err);

/* Allows jobs of this type to pass options to their program (`--allow-dash TYPE`). ST_INVALID with
 * a sentence: no such handler, or it does not need this. */
MUST_CHECK enum status registry_allow_dash(struct registry *registry, const char *type,
                                           struct err *err);

/* Logs what is dangerous about the commands. Once, when the log is open. */
void registry_warn(const struct registry *registry);

/* Logs the names of variables that programs do not get unless they are requested. Likewise. */
void registry_tell_withheld(const struct registry *registry);

/* How many handlers have programs, and how many of these have persistent ones: one per thread. */
size_t registry_count_programs(const struct registry *registry);
size_t registry_count_residents(const struct registry *registry);

/* Begins all handlers in this process, before there are threads. Their programs use `home`, which
 * is borrowed until registry_end(). ST_SYSTEM with a sentence. */
MUST_CHECK enum status registry_begin(const struct registry *registry, const struct home *home,
                                      struct err *err);
void registry_end(const struct registry *registry); /* when no jobs run any more */

/* NULL: there is no handler for this type here. Any thread. */
const struct handler *registry_find(const struct registry *registry, const char *type);

/* Looks after what the handlers keep for an idle pool thread; call it now and then if
 * registry_wants_care(). Only that thread; does not wait. */
void registry_attend(const struct registry *registry, size_t thread);
bool registry_wants_care(const struct registry *registry);

/* Ends what the handlers keep for a pool thread: each thread calls it after its last job. Returns
 * within two seconds, however many handlers there are. */
void registry_leave(const struct registry *registry, size_t thread);

/* Appends the types, sorted, separated by commas: for the registration and the log. */
void registry_append_types(const struct registry *registry, struct buf *out);

#endif
