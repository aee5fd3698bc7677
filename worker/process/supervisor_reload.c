/* HUP: applies those changes of the configuration file that need no restart. */
#include "worker/process/supervisor_state.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"

static const char *const reloadable[] = {"log-level", "shutdown-timeout", "prefetch", "health-age"};

/* True if the queues are the same, in the same order; their weights may differ. */
static bool has_same_queues(const struct worker_options *a, const struct worker_options *b)
{
    bool is_same = a->queue_count == b->queue_count;
    for (size_t i = 0; is_same && i < a->queue_count; i++)
        is_same = strcmp(a->queues[i].name, b->queues[i].name) == 0;
    return is_same;
}

void supervisor_tune(struct supervisor *self, const struct worker_options *options)
{
    struct tuning *tuning = self->tuning;
    tuning->log_level = options->log.level;
    tuning->shutdown_timeout_ms = options->shutdown_timeout_ms;
    tuning->prefetch = options->prefetch;
    tuning->health_age_ms = options->health_age_ms;
    for (size_t i = 0; i < tuning->queue_count && has_same_queues(self->options, options); i++)
        tuning->weights[i] = options->queues[i].weight;
    log_set_level(options->log.level);
}

static bool is_reloadable(const char *name, bool are_queues_same)
{
    for (size_t i = 0; i < sizeof reloadable / sizeof reloadable[0]; i++)
        if (strcmp(name, reloadable[i]) == 0)
            return true;
    return are_queues_same && strcmp(name, "queue") == 0;
}

static void append_name(struct buf *names, const char *name)
{
    buf_printf(names, "%s%s", names->len > 0 ? " " : "", name);
}

/* Names only: a value might contain a password. */
static void report(const struct supervisor *self, const struct worker_options *fresh)
{
    struct options_list changes = {0};
    struct buf taken = {0}, left = {0};
    bool are_queues_same = has_same_queues(self->options, fresh);
    options_changes(&self->options->record, &fresh->record, &changes);
    for (size_t i = 0; i < changes.count; i++)
        append_name(is_reloadable(changes.items[i], are_queues_same) ? &taken : &left,
                    changes.items[i]);
    log_fields(LOG_INFO, "HUP: configuration reloaded", LOG_STR("file", fresh->record.config.path),
               LOG_STR("changed_since_start", taken.len > 0 ? buf_text(&taken) : NULL));
    if (left.len > 0)
        log_fields(LOG_WARN, "HUP: these settings have changed, but need a restart",
                   LOG_STR("settings", buf_text(&left)));
    options_list_fini(&changes);
    buf_fini(&taken);
    buf_fini(&left);
}

void supervisor_reload(struct supervisor *self)
{
    struct worker_options fresh;
    struct err err = {0};
    enum status status = worker_options_read_again(self->options, &fresh, &err);
    if (status != ST_OK) {
        log_printf(LOG_ERROR, "HUP: nothing changed: %s", err_text(&err));
    } else if (fresh.argv) {
        supervisor_tune(self, &fresh);
        report(self, &fresh);
    }
    worker_options_fini(&fresh);
}
