/* darg fsck: is a queue intact, and can it be repaired? */
#include "producer/operate/commands.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/plural.h"
#include "queue/check.h"
#include "queue/names.h"

#include <stdlib.h>

struct fsck_options {
    struct check_options check;
    bool is_all;
};

struct fsck {
    struct context *context;
    struct fsck_options options;
    struct table table;
    struct document_list list;
    size_t queues, findings, wrong;
};

static const char *const levels[] = {
    [CHECK_NOTE] = "note", [CHECK_WRONG] = "WRONG", [CHECK_MENDED] = "mended"};

static void add_finding(struct fsck *fsck, const char *queue, const struct check_finding *finding)
{
    fsck->findings++;
    fsck->wrong += finding->level == CHECK_WRONG;
    if (!fsck->context->is_json) {
        table_add_text(&fsck->table, queue);
        table_add_text(&fsck->table, levels[finding->level]);
        table_add_int(&fsck->table, finding->count);
        table_add_text(&fsck->table, finding->key);
        table_add_text(&fsck->table, finding->text);
        return;
    }
    struct json_writer *json = &fsck->list.json;
    json_open_object(json, NULL);
    json_put_text(json, "queue", slice_of(queue));
    json_put_text(json, "kind", slice_of(finding->kind));
    json_put_text(json, "level", slice_of(levels[finding->level]));
    document_count(json, "count", finding->count);
    json_put_text(json, "key", slice_of(finding->key));
    json_put_text(json, "what", slice_of(finding->text));
    json_close_object(json);
    document_list_flush(&fsck->list);
}

static enum status check_queue(struct fsck *fsck, const char *name, struct err *err)
{
    struct queue queue = {0};
    struct check check = {0};
    enum status status = queue_init(&queue, fsck->context->namespace, name, err);
    if (status == ST_OK)
        status = check_run(fsck->context->conn, &queue, &fsck->options.check, &check, err);
    for (size_t i = 0; i < check.count; i++)
        add_finding(fsck, name, &check.findings[i]);
    fsck->queues++;
    check_fini(&check);
    queue_fini(&queue);
    return status;
}

static enum status check_queues(struct fsck *fsck, struct err *err)
{
    const struct context *context = fsck->context;
    if (!fsck->options.is_all)
        return check_queue(fsck, context->queue.name, err);
    struct names names;
    enum status status = names_read(context->conn, context->namespace, &names, err);
    for (size_t i = 0; status == ST_OK && i < names.count; i++)
        status = check_queue(fsck, names.list[i], err);
    names_fini(&names);
    return status;
}

/* Findings are shown even if the check broke off. */
static int look(struct fsck *fsck)
{
    struct err err = {0};
    if (fsck->context->is_json)
        document_list_begin(&fsck->list);
    enum status status = check_queues(fsck, &err);
    if (fsck->context->is_json)
        document_list_end(&fsck->list);
    else if (fsck->findings > 0)
        table_print(&fsck->table);
    if (status != ST_OK)
        return context_fail(&err);
    if (fsck->findings == 0 && !fsck->options.is_all)
        context_note("queue '%s': nothing is wrong", fsck->context->queue.name);
    else if (fsck->findings == 0)
        context_note("%zu %s: nothing is wrong", fsck->queues,
                     plural_of((int64_t)fsck->queues, "queue", "queues"));
    return fsck->wrong == 0 ? DARG_OK : DARG_FAILED;
}

static enum status check(const struct context *context, void *given, struct err *err)
{
    const struct fsck_options *options = given;
    if (options->is_all && context->queue_name != NULL)
        return err_set(err, ST_INVALID, "--all and --queue cannot be combined");
    return ST_OK;
}

static int run(struct context *context, const void *given)
{
    static const char *const heads[] = {"QUEUE", "STATE", ">COUNT", "KEY", "WHAT", NULL};
    const struct fsck_options *options = given;
    struct fsck fsck = {.context = context, .options = *options};
    fsck.options.check.patience = interrupt_patience();
    table_init(&fsck.table, heads);
    int code = look(&fsck);
    table_fini(&fsck.table);
    return code;
}

static const struct option_row rows[] = {
    {"repair", 0, OPTION_FIELD(OPT_FLAG, struct fsck_options, check.is_repair),
     .help = "mend what can be mended; a living worker is never touched"},
    {"all", 0, OPTION_FIELD(OPT_FLAG, struct fsck_options, is_all), .help = "all known queues"},
    {"lease", 0, OPTION_FIELD(OPT_DURATION, struct fsck_options, check.lease_ms),
     .value_name = "DURATION", .default_text = "10s", .min = 100, .max = 86400000,
     .help = "the workers' --lease"},
    OPTIONS_END,
};

const struct command fsck_command = {
    .name = "fsck",
    .title = "look for damage in a queue's keys, and repair it",
    .usage = "[-q QUEUE | --all] [options]",
    .summary = "Reads all keys of a queue and reports what is wrong: jobs that nobody would ever\n"
               "return, dead workers, damaged keys, counters that do not add up. Can be run while\n"
               "workers run. Scans the keyspace, in small steps. Exit code 1: something is wrong.",
    .examples = "  darg fsck -q mail\n  darg fsck --all --json\n  darg fsck -q mail --repair\n",
    .rows = rows,
    .options_size = sizeof(struct fsck_options),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .check = check,
    .run = run,
};
