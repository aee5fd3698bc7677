/* darg purge: throws away what waits, is scheduled or is dead. */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/table.h"

#include "queue/purge.h"
#include "queue/stats.h"

#include <cjson/cJSON.h>

enum { WAITING, SCHEDULED, DEAD, KINDS };
static const int states[KINDS] = {PLACE_WAITING, PLACE_SCHEDULED, PLACE_DEAD};

static bool confirm(const struct context *context, const bool *is_wanted, const struct stats *stats,
                    bool is_yes)
{
    const int64_t counts[KINDS] = {stats->waiting, stats->scheduled, stats->dead};
    struct buf what = {0};
    char number[TABLE_NUMBER_MAX];
    for (int i = 0; i < KINDS; i++)
        if (is_wanted[i])
            buf_printf(&what, "%s%s %s", what.len ? ", " : "", table_number(counts[i], number),
                       place_state_name(states[i]));
    bool is_sure = context_confirm(is_yes, "Throw away the jobs of queue '%s' for good (%s)?",
                                   context->queue.name, buf_text(&what));
    buf_fini(&what);
    return is_sure;
}

static void report(const struct context *context, const bool *is_wanted,
                   const struct purged *purged)
{
    const int64_t counts[KINDS] = {purged->waiting, purged->scheduled, purged->dead};
    struct cJSON *object = cJSON_CreateObject();
    char number[TABLE_NUMBER_MAX];
    for (int i = 0; i < KINDS; i++) {
        if (!is_wanted[i])
            continue;
        const char *name = place_state_name(states[i]);
        table_json_int(object, name, counts[i]);
        if (!context->is_json)
            context_note("threw away %s %s jobs of queue '%s'", table_number(counts[i], number),
                         name, context->queue.name);
    }
    if (context->is_json)
        table_json_print(object);
    else
        cJSON_Delete(object);
}

static int run(struct context *context, const bool *is_wanted, bool is_yes)
{
    struct err err = {0};
    struct stats stats;
    struct purged purged;
    int wanted = 0;
    for (int i = 0; i < KINDS; i++)
        wanted |= is_wanted[i] ? states[i] : 0;
    if (stats_read(context->conn, &context->queue, &stats, &err) != ST_OK)
        return context_fail(&err);
    if (!confirm(context, is_wanted, &stats, is_yes))
        return DARG_FAILED;
    if (purge_queue(context->conn, &context->queue, wanted, &purged, &err) != ST_OK)
        return context_fail(&err);
    report(context, is_wanted, &purged);
    return DARG_OK;
}

int purge_main(int argc, char **argv)
{
    bool is_wanted[KINDS] = {false}, is_yes = false;
    const struct option_row rows[] = {
        {"waiting", 0, OPT_FLAG, .target = &is_wanted[WAITING],
         .help = "jobs that wait (the default)"},
        {"scheduled", 0, OPT_FLAG, .target = &is_wanted[SCHEDULED],
         .help = "delayed jobs and retries"},
        {"dead", 0, OPT_FLAG, .target = &is_wanted[DEAD], .help = "dead jobs"},
        {"yes", 'y', OPT_FLAG, .target = &is_yes, .help = "do not ask"},
        {0},
    };
    const struct context_spec spec = {
        .program = "darg purge",
        .usage = "[options]",
        .summary =
            "Throws away jobs of the queue for good. Jobs that workers hold are not touched.",
        .examples = "  darg purge -q mail\n  darg purge -q mail --scheduled --dead --yes\n",
        .rows = rows,
        .uses = CONTEXT_QUEUE | CONTEXT_JSON};
    struct context context;
    int exit_code;
    if (context_begin(&context, &spec, argc, argv, &exit_code)) {
        if (!is_wanted[SCHEDULED] && !is_wanted[DEAD])
            is_wanted[WAITING] = true;
        exit_code = run(&context, is_wanted, is_yes);
    }
    context_fini(&context);
    return exit_code;
}
