/* darg dead list, retry, drop. The dead set may be huge, so it is paged through, and each page is
 * dealt with before the next is read. Whatever dies after the command has begun is left alone, or
 * `retry --all` of jobs that fail at once would never end. */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/table.h"

#include "base/clock.h"
#include "base/json.h"
#include "job/job.h"
#include "queue/dead.h"
#include "queue/stats.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 50, SHOWN = 50, CLOCK_SLACK_MS = 10000 };

enum action { LIST, RETRY, DROP };

struct search {
    struct context context;
    enum action action;
    const char *id, *type, *error;
    bool is_all, is_yes;
    int64_t limit;    /* 0: none */
    int64_t now_ms;   /* server time when the command began */
    int64_t begun_ms; /* the same moment, monotonic */
    int64_t found;    /* matches: shown, or really moved or dropped */
    bool is_cut;      /* by the limit */
    struct table table;
    struct table_list list;
};

struct death {
    struct job job;
    struct slice member;
    int64_t died_ms;
    struct buf error; /* decoded */
};

static bool matches(const struct search *search, const struct death *death)
{
    const struct buf *error = &death->error;
    if (search->id != NULL && strcmp(search->id, death->job.id) != 0)
        return false;
    if (search->type != NULL && strcmp(search->type, death->job.type) != 0)
        return false;
    return search->error == NULL ||
           (error->len > 0 && memmem(error->ptr, error->len, search->error, strlen(search->error)));
}

static void read_death(struct death *death, struct slice member, int64_t died_ms)
{
    *death = (struct death){.member = member, .died_ms = died_ms};
    struct err ignored; /* what cannot be read may well be why it is here */
    (void)!job_read(member, INT64_MAX, &death->job, &ignored);
    if (death->job.history.error.len > 0)
        json_decode_string(death->job.history.error, &death->error);
}

static void show(struct search *search, const struct death *death)
{
    const struct job *job = &death->job;
    int64_t age_ms = search->now_ms - death->died_ms;
    if (!search->context.is_json) {
        table_add_text(&search->table, job->id[0] != '\0' ? job->id : "-");
        table_add_text(&search->table, job->type[0] != '\0' ? job->type : "?");
        table_add_age(&search->table, age_ms < 0 ? 0 : age_ms);
        table_add_int(&search->table, job->history.runs);
        table_add(&search->table, buf_slice(&death->error));
        return;
    }
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

static bool is_enough(const struct search *search, int64_t more)
{
    return search->limit > 0 && search->found + more >= search->limit;
}

static enum status act(struct search *search, const struct slice *members, size_t count,
                       int64_t *changed, struct err *err)
{
    struct conn *conn = search->context.conn;
    const struct queue *queue = &search->context.queue;
    *changed = 0;
    if (count == 0)
        return ST_OK;
    return search->action == RETRY ? dead_revive(conn, queue, members, count, changed, err)
                                   : dead_drop(conn, queue, members, count, changed, err);
}

/* False: it has died since the command began - which is no reason to leave out those that died
 * before the server's clock was set back, by a later time. */
static bool was_dead(const struct search *search, const struct death *death)
{
    int64_t spent_ms = clock_mono_ms() - search->begun_ms;
    return death->died_ms <= search->now_ms ||
           death->died_ms > search->now_ms + spent_ms + CLOCK_SLACK_MS;
}

/* Deals with one page; *rank moves behind what of it stays in the set. */
static enum status take_page(struct search *search, const struct reply *page, int64_t *rank,
                             struct err *err)
{
    struct slice members[PAGE];
    size_t count = 0, seen = 0;
    int64_t changed = 0;
    for (size_t i = 0; i + 1 < reply_count(page) && seen < PAGE; i += 2, seen++) {
        struct death death;
        read_death(&death, reply_slice(reply_at(page, i)), reply_time_ms(reply_at(page, i + 1), 0));
        bool is_match = was_dead(search, &death) && matches(search, &death);
        if (is_match && is_enough(search, (int64_t)count)) {
            search->is_cut = true;
        } else if (is_match && search->action == LIST) {
            show(search, &death);
            search->found++;
        } else if (is_match) {
            members[count++] = death.member;
        }
        buf_fini(&death.error);
    }
    enum status status = act(search, members, count, &changed, err);
    search->found += changed;
    *rank += (int64_t)seen - changed;
    return status;
}

static enum status find_all(struct search *search, struct err *err)
{
    struct stats stats;
    enum status status = stats_read(search->context.conn, &search->context.queue, &stats, err);
    search->now_ms = stats.now_ms;
    search->begun_ms = clock_mono_ms();
    int64_t rank = 0;
    if (search->action == LIST && search->context.is_json)
        table_list_begin(&search->list);
    while (status == ST_OK && !is_enough(search, 0) && !interrupt_is_set()) {
        struct reply *page = NULL;
        status = dead_page(search->context.conn, &search->context.queue, rank, PAGE, &page, err);
        bool is_end = status == ST_OK && reply_count(page) < 2;
        if (status == ST_OK && !is_end)
            status = take_page(search, page, &rank, err);
        reply_free(page);
        if (is_end)
            return status;
    }
    /* Of what was not looked at nobody knows whether it matches. */
    search->is_cut = search->is_cut || (is_enough(search, 0) && stats.dead > rank);
    return status;
}

static void report_list(struct search *search)
{
    char number[TABLE_NUMBER_MAX];
    if (search->context.is_json)
        table_list_end(&search->list);
    else
        table_print(&search->table);
    fflush(stdout);
    if (search->is_cut)
        context_note("these are the %s that died last; --limit shows more, --all all of them",
                     table_number(search->found, number));
}

static void report(struct search *search)
{
    char number[TABLE_NUMBER_MAX];
    if (search->action == LIST) {
        report_list(search);
    } else if (search->context.is_json) {
        struct cJSON *object = cJSON_CreateObject();
        table_json_int(object, search->action == RETRY ? "retried" : "dropped", search->found);
        table_json_print(object);
    } else {
        context_note("%s %s dead jobs of queue '%s'",
                     search->action == RETRY ? "sent back" : "dropped",
                     table_number(search->found, number), search->context.queue.name);
    }
}

static int run(struct search *search)
{
    struct err err = {0};
    if (search->action == DROP &&
        !context_confirm(search->is_yes, "Drop %s dead jobs of queue '%s' for good?",
                         search->is_all ? "all" : "the matching", search->context.queue.name))
        return DARG_FAILED;
    if (search->action == LIST && search->limit == 0 && !search->is_all)
        search->limit = SHOWN;
    enum status status = find_all(search, &err);
    report(search);
    if (status != ST_OK)
        return context_fail(&err);
    /* Whoever names one job wants to know that it is not there. */
    return search->action != LIST && search->id != NULL && search->found == 0 ? DARG_FAILED
                                                                              : DARG_OK;
}

static int search_main(enum action action, const struct context_spec *texts, int argc, char **argv)
{
    static const char *const heads[] = {"ID", "TYPE", ">DIED AGO", ">RUNS", "ERROR", NULL};
    struct search search = {.action = action};
    const struct option_row rows[] = {
        {"id", 0, OPT_STRING, .target = &search.id, .value_name = "ID",
         .help = "the job of this id"},
        {"type", 0, OPT_STRING, .target = &search.type, .value_name = "TYPE",
         .help = "jobs of this type"},
        {"error", 0, OPT_STRING, .target = &search.error, .value_name = "TEXT",
         .help = "jobs whose error contains TEXT"},
        {"limit", 0, OPT_INT, .target = &search.limit, .value_name = "N", .min = 1,
         .max = INT64_MAX,
         .help = action == LIST ? "at most N jobs, the last dead first (default: 50)"
                                : "at most N jobs, the last dead first"},
        {"all", 0, OPT_FLAG, .target = &search.is_all, .help = "all jobs"},
        {action == DROP ? "yes" : NULL, 'y', OPT_FLAG, .target = &search.is_yes,
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
    else if (action != LIST && !search.is_all && !search.id && !search.type && !search.error)
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
    return search_main(LIST, &texts, argc, argv);
}

static int retry_main(int argc, char **argv)
{
    const struct context_spec texts = {
        .program = "darg dead retry",
        .usage = "--id ID | --type TYPE | --error TEXT | --all [options]",
        .summary = "Sends dead jobs back to their queue, where their attempts count anew.",
        .examples = "  darg dead retry --type mail --error timeout\n  darg dead retry --all\n"};
    return search_main(RETRY, &texts, argc, argv);
}

static int drop_main(int argc, char **argv)
{
    const struct context_spec texts = {
        .program = "darg dead drop",
        .usage = "--id ID | --type TYPE | --error TEXT | --all [options]",
        .summary = "Removes dead jobs for good.",
        .examples = "  darg dead drop --type report\n  darg dead drop --all --yes\n"};
    return search_main(DROP, &texts, argc, argv);
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
