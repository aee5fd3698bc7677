/* darg dead list, retry, drop. */
#include "producer/operate/commands.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/plural.h"
#include "queue/dead_walk.h"

#include <stdio.h>

enum { SHOWN = 50 };

struct dead_options {
    struct dead_walk walk; /* which jobs */
    bool is_all, is_yes;
};

struct search {
    struct context *context;
    const struct dead_options *options;
    struct dead_walk walk;
    struct patience interrupt;
    struct table table;
    struct document_list list;
};

static void add_row(struct search *search, const struct dead_walk_job *death)
{
    const struct job *job = &death->job;
    int64_t age_ms = search->walk.now_ms - death->died_ms;
    table_add_text(&search->table, job->id[0] != '\0' ? job->id : "-");
    table_add_text(&search->table, job->type[0] != '\0' ? job->type : "?");
    table_add_age(&search->table, age_ms < 0 ? 0 : age_ms);
    table_add_int(&search->table, job->history.runs);
    table_add(&search->table, buf_slice(&death->error));
}

static void add_json(struct search *search, const struct dead_walk_job *death)
{
    const struct job *job = &death->job;
    struct json_writer *json = &search->list.json;
    json_open_object(json, NULL);
    json_put_text(json, "id", slice_of(job->id));
    json_put_text(json, "type", slice_of(job->type));
    document_count(json, "died_ms", death->died_ms);
    document_count(json, "runs", job->history.runs);
    document_count(json, "crashes", job->history.crashes);
    document_count(json, "attempts", job->history.attempts);
    json_put_text(json, "error", buf_slice(&death->error));
    if (job->history.usage.len > 0)
        document_json(json, "usage", job->history.usage);
    document_json(json, "job", job->original);
    json_close_object(json);
    document_list_flush(&search->list);
}

/* Where nobody reads it (any more), a list ends early: there may be a million of them. */
static bool wait_for_reader(void *context, int64_t duration_ms)
{
    const struct search *search = context;
    return !ferror(stdout) && patience_wait(&search->interrupt, duration_ms);
}

static enum status show(void *context, const struct dead_walk_job *death, struct err *err)
{
    (void)err;
    struct search *search = context;
    if (search->context->is_json)
        add_json(search, death);
    else
        add_row(search, death);
    return ST_OK;
}

static void report_list(struct search *search)
{
    char number[TABLE_NUMBER_MAX];
    if (search->context->is_json)
        document_list_end(&search->list);
    else
        table_print(&search->table);
    fflush(stdout);
    if (search->walk.is_cut)
        context_note("%s the %s that died last; --limit N shows more, --all shows all",
                     plural_of(search->walk.found, "this is", "these are"),
                     table_number(search->walk.found, number));
}

static void report_change(const struct search *search)
{
    char number[TABLE_NUMBER_MAX];
    bool is_retry = search->walk.action == DEAD_WALK_RETRY;
    if (search->context->is_json) {
        struct json_writer document = {0}, *json = &document;
        json_open_object(json, NULL);
        document_count(json, is_retry ? "retried" : "dropped", search->walk.found);
        json_close_object(json);
        document_print(json);
    } else {
        context_note("%s %s dead %s of queue '%s'", is_retry ? "sent back" : "dropped",
                     table_number(search->walk.found, number),
                     plural_of(search->walk.found, "job", "jobs"), search->context->queue.name);
    }
}

static int list_all(struct search *search)
{
    struct err err = {0};
    if (search->walk.limit == 0 && !search->options->is_all)
        search->walk.limit = SHOWN;
    if (search->context->is_json)
        document_list_begin(&search->list);
    search->interrupt = search->walk.patience;
    search->walk.patience = (struct patience){wait_for_reader, search};
    enum status status =
        dead_walk_run(search->context->conn, &search->context->queue, &search->walk, &err);
    report_list(search);
    return status == ST_OK ? DARG_OK : context_fail(&err);
}

static int change_all(struct search *search)
{
    struct err err = {0};
    if (search->walk.action == DEAD_WALK_DROP &&
        !context_confirm(search->options->is_yes, "Drop %s dead jobs of queue '%s' for good?",
                         search->options->is_all ? "all" : "the matching",
                         search->context->queue.name))
        return DARG_FAILED;
    enum status status =
        dead_walk_run(search->context->conn, &search->context->queue, &search->walk, &err);
    report_change(search);
    if (status != ST_OK)
        return context_fail(&err);
    /* A user who names one job wants to know if it is not there. */
    return search->walk.id != NULL && search->walk.found == 0 ? DARG_FAILED : DARG_OK;
}

static int search(struct context *context, enum dead_walk_action action, const void *given)
{
    static const char *const heads[] = {"ID", "TYPE", ">DIED AGO", ">RUNS", "~ERROR", NULL};
    const struct dead_options *options = given;
    struct search search = {.context = context, .options = options, .walk = options->walk};
    search.walk.action = action;
    search.walk.patience = interrupt_patience();
    search.walk.visit = show;
    search.walk.context = &search;
    table_init(&search.table, heads);
    int code = action == DEAD_WALK_SHOW ? list_all(&search) : change_all(&search);
    table_fini(&search.table);
    return code;
}

static int list(struct context *context, const void *options)
{
    return search(context, DEAD_WALK_SHOW, options);
}

static int retry(struct context *context, const void *options)
{
    return search(context, DEAD_WALK_RETRY, options);
}

static int drop(struct context *context, const void *options)
{
    return search(context, DEAD_WALK_DROP, options);
}

static enum status check_chosen(const struct context *context, void *given, struct err *err)
{
    const struct dead_options *options = given;
    (void)context;
    if (!options->is_all && !options->walk.id && !options->walk.type && !options->walk.error)
        return err_set(err, ST_INVALID, "say which: --id, --type, --error or --all");
    return ST_OK;
}

static const struct option_row match_rows[] = {
    {"id", 0, OPTION_FIELD(OPT_STRING, struct dead_options, walk.id), .value_name = "ID",
     .help = "the job with this id"},
    {"type", 0, OPTION_FIELD(OPT_STRING, struct dead_options, walk.type), .value_name = "TYPE",
     .help = "jobs of this type"},
    {"error", 0, OPTION_FIELD(OPT_STRING, struct dead_options, walk.error), .value_name = "TEXT",
     .help = "jobs whose error contains TEXT"},
    OPTIONS_END,
};

static const struct option_row all_rows[] = {
    {"all", 0, OPTION_FIELD(OPT_FLAG, struct dead_options, is_all), .help = "all jobs"},
    OPTIONS_END,
};

static const struct option_row list_rows[] = {
    {.group = match_rows},
    {"limit", 0, OPTION_FIELD(OPT_INT, struct dead_options, walk.limit), .value_name = "N",
     .min = 1, .max = INT64_MAX, .help = "at most N jobs, the latest first (default: 50)"},
    {.group = all_rows},
    OPTIONS_END,
};

static const struct option_row retry_rows[] = {
    {.group = match_rows},
    {"limit", 0, OPTION_FIELD(OPT_INT, struct dead_options, walk.limit), .value_name = "N",
     .min = 1, .max = INT64_MAX, .help = "at most N jobs, the latest first"},
    {.group = all_rows},
    OPTIONS_END,
};

static const struct option_row drop_rows[] = {
    {.group = retry_rows},
    {"yes", 'y', OPTION_FIELD(OPT_FLAG, struct dead_options, is_yes), .help = "do not ask"},
    OPTIONS_END,
};

enum { NEEDS = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION | NEEDS_INTERRUPT };

static const struct command list_command = {
    .name = "list",
    .title = "look through them",
    .usage = "[options]",
    .summary = "Lists dead jobs, the latest first.",
    .examples = "  darg dead list -q mail --error timeout\n  darg dead list --all --json | jq .\n",
    .rows = list_rows,
    .options_size = sizeof(struct dead_options),
    .needs = NEEDS,
    .run = list,
};

static const struct command retry_command = {
    .name = "retry",
    .title = "send them back to the queue",
    .usage = "--id ID | --type TYPE | --error TEXT | --all [options]",
    .summary = "Sends dead jobs back to their queue, with their attempts counted from zero again.",
    .examples = "  darg dead retry --type mail --error timeout\n  darg dead retry --all\n",
    .rows = retry_rows,
    .options_size = sizeof(struct dead_options),
    .needs = NEEDS,
    .check = check_chosen,
    .run = retry,
};

static const struct command drop_command = {
    .name = "drop",
    .title = "remove them for good",
    .usage = "--id ID | --type TYPE | --error TEXT | --all [options]",
    .summary = "Removes dead jobs for good.",
    .examples = "  darg dead drop --type report\n  darg dead drop --all --yes\n",
    .rows = drop_rows,
    .options_size = sizeof(struct dead_options),
    .needs = NEEDS,
    .check = check_chosen,
    .run = drop,
};

static const struct command *const members[] = {&list_command, &retry_command, &drop_command, NULL};

const struct command dead_command = {
    .name = "dead",
    .title = "look through dead jobs, retry or drop them",
    .summary = "The jobs of a queue that failed for good.",
    .members = members,
};
