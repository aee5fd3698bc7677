/* darg stats: one row per queue. With --watch the counters of two readings give the rates. */
#include "producer/operate/commands.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "queue/stats_watch.h"

#include <stdio.h>
#include <unistd.h>

struct stats_options {
    bool is_watch, is_all;
    int64_t interval_ms;
};

struct view {
    struct context *context;
    const struct stats_options *options;
    struct stats_watch watch; /* without --watch: only the names */
    struct table table;
    struct document_list list;
};

static enum status find_queues(const struct view *view, struct names *names, struct err *err)
{
    const struct context *context = view->context;
    if (view->options->is_all || context->queue_name == NULL)
        return names_read(context->conn, context->namespace, names, err);
    *names = (struct names){.list = mem_array(1, sizeof *names->list), .count = 1};
    names->list[0] = mem_dup(context->queue.name);
    return ST_OK;
}

static enum status read_queue(const struct context *context, const char *name, struct stats *stats,
                              struct err *err)
{
    struct queue queue = {0};
    enum status status = queue_init(&queue, context->namespace, name, err);
    if (status == ST_OK)
        status = stats_read(context->conn, &queue, stats, err);
    queue_fini(&queue);
    return status;
}

#define RATE(view, i, counter)                                                                     \
    stats_watch_rate(&(view)->watch, (i), offsetof(struct stats, counts.counter))

static void add_settings(struct json_writer *json, const struct settings *settings)
{
    const struct setting *setting;
    for (size_t i = 0; (setting = settings_at(i)) != NULL; i++) {
        int64_t value = settings_value(setting, settings);
        if (setting->kind == SETTING_FLAG)
            json_put_bool(json, setting->name, value != SETTING_NONE);
        else
            document_count(json, setting->name, value);
    }
}

static void add_json(struct view *view, size_t i, const struct stats *stats)
{
    struct json_writer *json = &view->list.json;
    json_open_object(json, NULL);
    json_put_text(json, "queue", slice_of(view->watch.names.list[i]));
    document_count(json, "waiting", stats->waiting);
    document_count(json, "held", stats->held < 0 ? 0 : stats->held);
    document_count(json, "scheduled", stats->scheduled);
    document_count(json, "dead", stats->dead);
    document_count(json, "workers", stats->workers);
    document_count(json, "oldest_age_ms", stats->oldest_age_ms);
    document_count(json, "next_due_ms",
                   stats->next_due_ms == QUEUE_NEVER ? -1 : stats->next_due_ms);
    document_count(json, "now_ms", stats->now_ms);
    add_settings(json, &stats->settings);
    json_open_object(json, "counts");
#define ADD_COUNT(name) document_count(json, #name, stats->counts.name);
    STATS_COUNT_LIST(ADD_COUNT)
#undef ADD_COUNT
    json_close_object(json);
    if (view->options->is_watch) {
        document_count(json, "done_per_s", RATE(view, i, done));
        document_count(json, "retried_per_s", RATE(view, i, retried));
        document_count(json, "buried_per_s", RATE(view, i, buried));
    }
    json_close_object(json);
    document_list_flush(&view->list);
}

static void add_row(struct view *view, size_t i, const struct stats *stats)
{
    struct table *table = &view->table;
    table_add_text(table, view->watch.names.list[i]);
    table_add_int(table, stats->waiting);
    table_add_int(table, stats->held < 0 ? 0 : stats->held);
    table_add_int(table, stats->scheduled);
    table_add_int(table, stats->dead);
    table_add_int(table, stats->workers);
    table_add_age(table, stats->oldest_age_ms);
    if (view->options->is_watch) {
        table_add_int(table, RATE(view, i, done));
        table_add_int(table, RATE(view, i, retried));
        table_add_int(table, RATE(view, i, buried));
    } else {
        table_add_int(table, stats->counts.done);
    }
    table_add_text(table, stats->settings.paused != SETTING_NONE ? "paused" : "");
}

static void show_begin(struct view *view)
{
    static const char *const once[] = {"QUEUE",    ">WAITING", ">RUNNING", ">SCHEDULED", ">DEAD",
                                       ">WORKERS", ">OLDEST",  ">DONE",    "STATE",      NULL};
    static const char *const watch[] = {"QUEUE",      ">WAITING",  ">RUNNING", ">SCHEDULED",
                                        ">DEAD",      ">WORKERS",  ">OLDEST",  ">DONE/S",
                                        ">RETRIED/S", ">BURIED/S", "STATE",    NULL};
    if (view->context->is_json)
        document_list_begin(&view->list);
    else
        table_init(&view->table, view->options->is_watch ? watch : once);
    if (!view->context->is_json && view->options->is_watch && isatty(STDOUT_FILENO))
        fputs("\033[H\033[2J", stdout);
}

static void show(struct view *view, size_t i, const struct stats *stats)
{
    if (view->context->is_json)
        add_json(view, i, stats);
    else
        add_row(view, i, stats);
}

static void show_end(struct view *view)
{
    if (view->context->is_json) {
        document_list_end(&view->list);
        return;
    }
    table_print(&view->table);
    table_fini(&view->table);
    if (view->watch.names.count == 0)
        context_note("no queue is known yet: push a job or start a worker");
}

/* Each queue is shown as soon as it has been read: there may be very many. */
static enum status show_once(struct view *view, struct err *err)
{
    enum status status = find_queues(view, &view->watch.names, err);
    if (status != ST_OK)
        return status;
    show_begin(view);
    for (size_t i = 0; status == ST_OK && i < view->watch.names.count; i++) {
        struct stats stats;
        status = read_queue(view->context, view->watch.names.list[i], &stats, err);
        if (status == ST_OK)
            show(view, i, &stats);
    }
    show_end(view);
    return status;
}

static enum status show_again(struct view *view, struct err *err)
{
    struct names names = {0};
    enum status status = find_queues(view, &names, err);
    if (status != ST_OK) {
        names_fini(&names);
        return status;
    }
    status =
        stats_watch_read(&view->watch, view->context->conn, view->context->namespace, &names, err);
    if (status != ST_OK)
        return status;
    show_begin(view);
    for (size_t i = 0; i < view->watch.names.count; i++)
        show(view, i, &view->watch.now[i]);
    show_end(view);
    return ST_OK;
}

static int look(struct view *view)
{
    struct err err = {0};
    do {
        enum status status =
            view->options->is_watch ? show_again(view, &err) : show_once(view, &err);
        /* A watch outlives a restart of Redis. */
        if (view->options->is_watch && status != ST_OK && !conn_is_connected(view->context->conn) &&
            context_await(view->context->conn, view->context->connect_timeout_ms, &err) == ST_OK)
            continue;
        if (status != ST_OK)
            return context_fail(&err);
    } while (view->options->is_watch && context_flush_output() &&
             interrupt_sleep(view->options->interval_ms));
    return DARG_OK;
}

static int run(struct context *context, const void *options)
{
    struct view view = {.context = context, .options = options};
    int code = look(&view);
    stats_watch_fini(&view.watch);
    return code;
}

static const struct option_row rows[] = {
    {"watch", 'w', OPTION_FIELD(OPT_FLAG, struct stats_options, is_watch),
     .help = "repeat, with rates"},
    {"interval", 0, OPTION_FIELD(OPT_DURATION, struct stats_options, interval_ms),
     .value_name = "DURATION", .default_text = "1s", .min = 100, .max = 3600000,
     .help = "pause between the repeats of --watch"},
    {"all", 0, OPTION_FIELD(OPT_FLAG, struct stats_options, is_all),
     .help = "all queues, even if -q or DARG_QUEUE names one"},
    OPTIONS_END,
};

const struct command stats_command = {
    .name = "stats",
    .title = "what is in the queues, and how fast they move",
    .usage = "[options]",
    .summary =
        "Shows all known queues, or the one that -q names: jobs waiting, running, scheduled and\n"
        "dead, the workers, and how long the next in line has waited.",
    .examples = "  darg stats\n  darg stats -q mail --watch\n  darg stats --json | jq .\n",
    .rows = rows,
    .options_size = sizeof(struct stats_options),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .run = run,
};
