/* darg dead list, retry, drop. */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/table.h"

#include "queue/dead_walk.h"

#include <cjson/cJSON.h>
#include <stdio.h>

enum { SHOWN = 50 };

struct search {
    struct context context;
    struct dead_walk walk;
    bool is_all, is_yes;
    struct table table;
    struct table_list list;
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
    struct cJSON *object = cJSON_CreateObject();
    table_json_text(object, "id", slice_of(job->id));
    table_json_text(object, "type", slice_of(job->type));
    table_json_int(object, "died_ms", death->died_ms);
    table_json_int(object, "runs", job->history.runs);
    table_json_int(object, "crashes", job->history.crashes);
    table_json_int(object, "attempts", job->history.attempts);
    table_json_text(object, "error", buf_slice(&death->error));
    if (job->history.usage.len > 0)
        table_json_raw(object, "usage", job->history.usage);
    table_json_raw(object, "job", job->original);
    table_list_add(&search->list, object);
}

static enum status show(void *context, const struct dead_walk_job *death, struct err *err)
{
    (void)err;
    struct search *search = context;
    if (search->context.is_json)
        add_json(search, death);
    else
        add_row(search, death);
    return ST_OK;
}

static void report_list(struct search *search)
{
    char number[TABLE_NUMBER_MAX];
    if (search->context.is_json)
        table_list_end(&search->list);
    else
        table_print(&search->table);
    fflush(stdout);
    if (search->walk.is_cut)
        context_note("these are the %s that died last; --limit shows more, --all all of them",
                     table_number(search->walk.found, number));
}

static void report_change(const struct search *search)
{
    char number[TABLE_NUMBER_MAX];
    bool is_retry = search->walk.action == DEAD_WALK_RETRY;
    if (search->context.is_json) {
        struct cJSON *object = cJSON_CreateObject();
        table_json_int(object, is_retry ? "retried" : "dropped", search->walk.found);
        table_json_print(object);
    } else {
        context_note("%s %s dead jobs of queue '%s'", is_retry ? "sent back" : "dropped",
                     table_number(search->walk.found, number), search->context.queue.name);
    }
}

static int list(struct search *search)
{
    struct err err = {0};
    if (search->walk.limit == 0 && !search->is_all)
        search->walk.limit = SHOWN;
    if (search->context.is_json)
        table_list_begin(&search->list);
    enum status status =
        dead_walk_run(search->context.conn, &search->context.queue, &search->walk, &err);
    report_list(search);
    return status == ST_OK ? DARG_OK : context_fail(&err);
}

static int change(struct search *search)
{
    struct err err = {0};
    if (search->walk.action == DEAD_WALK_DROP &&
        !context_confirm(search->is_yes, "Drop %s dead jobs of queue '%s' for good?",
                         search->is_all ? "all" : "the matching", search->context.queue.name))
        return DARG_FAILED;
    enum status status =
        dead_walk_run(search->context.conn, &search->context.queue, &search->walk, &err);
    report_change(search);
    if (status != ST_OK)
        return context_fail(&err);
    /* Whoever names one job wants to know that it is not there. */
    return search->walk.id != NULL && search->walk.found == 0 ? DARG_FAILED : DARG_OK;
}

static int run(struct search *search)
{
    return search->walk.action == DEAD_WALK_SHOW ? list(search) : change(search);
}

static int search_main(enum dead_walk_action action, const struct context_spec *texts, int argc,
                       char **argv)
{
    static const char *const heads[] = {"ID", "TYPE", ">DIED AGO", ">RUNS", "ERROR", NULL};
    struct search search = {.walk.action = action,
                            .walk.patience = interrupt_patience(),
                            .walk.visit = show,
                            .walk.context = &search};
    const struct option_row rows[] = {
        {"id", 0, OPT_STRING, .target = &search.walk.id, .value_name = "ID",
         .help = "the job of this id"},
        {"type", 0, OPT_STRING, .target = &search.walk.type, .value_name = "TYPE",
         .help = "jobs of this type"},
        {"error", 0, OPT_STRING, .target = &search.walk.error, .value_name = "TEXT",
         .help = "jobs whose error contains TEXT"},
        {"limit", 0, OPT_INT, .target = &search.walk.limit, .value_name = "N", .min = 1,
         .max = INT64_MAX,
         .help = action == DEAD_WALK_SHOW ? "at most N jobs, the last dead first (default: 50)"
                                          : "at most N jobs, the last dead first"},
        {"all", 0, OPT_FLAG, .target = &search.is_all, .help = "all jobs"},
        {action == DEAD_WALK_DROP ? "yes" : NULL, 'y', OPT_FLAG, .target = &search.is_yes,
         .help = "do not ask"},
        {0},
    };
    struct context_spec spec = *texts;
    spec.rows = rows;
    spec.uses = CONTEXT_QUEUE | CONTEXT_JSON;
    struct err err = {0};
    int exit_code;
    interrupt_init();
    table_init(&search.table, heads);
    if (!context_parse(&search.context, &spec, argc, argv, &exit_code))
        ;
    else if (action != DEAD_WALK_SHOW && !search.is_all && !search.walk.id && !search.walk.type &&
             !search.walk.error)
        exit_code = context_usage(&spec, "say which: --id, --type, --error or --all");
    else if (context_connect(&search.context, &err) != ST_OK)
        exit_code = context_fail(&err);
    else
        exit_code = run(&search);
    table_fini(&search.table);
    context_fini(&search.context);
    interrupt_end();
    return exit_code;
}

static int list_main(int argc, char **argv)
{
    const struct context_spec texts = {.program = "darg dead list",
                                       .usage = "[options]",
                                       .summary = "Lists dead jobs, the last dead first.",
                                       .examples = "  darg dead list -q mail --error timeout\n"
                                                   "  darg dead list --all --json | jq .\n"};
    return search_main(DEAD_WALK_SHOW, &texts, argc, argv);
}

static int retry_main(int argc, char **argv)
{
    const struct context_spec texts = {
        .program = "darg dead retry",
        .usage = "--id ID | --type TYPE | --error TEXT | --all [options]",
        .summary = "Sends dead jobs back to their queue, where their attempts count anew.",
        .examples = "  darg dead retry --type mail --error timeout\n  darg dead retry --all\n"};
    return search_main(DEAD_WALK_RETRY, &texts, argc, argv);
}

static int drop_main(int argc, char **argv)
{
    const struct context_spec texts = {
        .program = "darg dead drop",
        .usage = "--id ID | --type TYPE | --error TEXT | --all [options]",
        .summary = "Removes dead jobs for good.",
        .examples = "  darg dead drop --type report\n  darg dead drop --all --yes\n"};
    return search_main(DEAD_WALK_DROP, &texts, argc, argv);
}

int dead_main(int argc, char **argv)
{
    static const struct command table[] = {
        {"list", "look through them", list_main},
        {"retry", "send them back to the queue", retry_main},
        {"drop", "remove them for good", drop_main},
        {0},
    };
    return commands_dispatch("darg dead", "The jobs of a queue that failed for good.", table, argc,
                             argv);
}
