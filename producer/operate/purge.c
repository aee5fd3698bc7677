/* darg purge: throws away what waits, is scheduled or is dead. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/plural.h"
#include "queue/purge.h"
#include "queue/stats.h"

enum { WAITING, SCHEDULED, DEAD, KINDS };
static const int states[KINDS] = {PLACE_WAITING, PLACE_SCHEDULED, PLACE_DEAD};

struct purge_options {
    bool is_wanted[KINDS], is_yes;
};

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
    struct json_writer document = {0}, *json = &document;
    json_open_object(json, NULL);
    char number[TABLE_NUMBER_MAX];
    for (int i = 0; i < KINDS; i++) {
        if (!is_wanted[i])
            continue;
        const char *name = place_state_name(states[i]);
        document_count(json, name, counts[i]);
        if (!context->is_json)
            context_note("threw away %s %s %s of queue '%s'", table_number(counts[i], number), name,
                         plural_of(counts[i], "job", "jobs"), context->queue.name);
    }
    json_close_object(json);
    if (context->is_json)
        document_print(json);
    json_writer_fini(json);
}

/* If no state is given: waiting jobs. */
static enum status check(const struct context *context, void *given, struct err *err)
{
    struct purge_options *options = given;
    (void)context, (void)err;
    if (!options->is_wanted[SCHEDULED] && !options->is_wanted[DEAD])
        options->is_wanted[WAITING] = true;
    return ST_OK;
}

static int run(struct context *context, const void *given)
{
    const struct purge_options *options = given;
    const bool *is_wanted = options->is_wanted;
    struct err err = {0};
    struct stats stats;
    struct purged purged;
    int wanted = 0;
    for (int i = 0; i < KINDS; i++)
        wanted |= is_wanted[i] ? states[i] : 0;
    if (stats_read(context->conn, &context->queue, &stats, &err) != ST_OK)
        return context_fail(&err);
    if (!confirm(context, is_wanted, &stats, options->is_yes))
        return DARG_FAILED;
    if (purge_queue(context->conn, &context->queue, wanted, &purged, &err) != ST_OK)
        return context_fail(&err);
    report(context, is_wanted, &purged);
    return DARG_OK;
}

static const struct option_row rows[] = {
    {"waiting", 0, OPTION_FIELD(OPT_FLAG, struct purge_options, is_wanted[WAITING]),
     .help = "waiting jobs (the default)"},
    {"scheduled", 0, OPTION_FIELD(OPT_FLAG, struct purge_options, is_wanted[SCHEDULED]),
     .help = "delayed jobs and retries"},
    {"dead", 0, OPTION_FIELD(OPT_FLAG, struct purge_options, is_wanted[DEAD]), .help = "dead jobs"},
    {"yes", 'y', OPTION_FIELD(OPT_FLAG, struct purge_options, is_yes), .help = "do not ask"},
    OPTIONS_END,
};

const struct command purge_command = {
    .name = "purge",
    .title = "throw jobs away",
    .usage = "[options]",
    .summary = "Throws away jobs of the queue for good. Jobs that workers hold are not touched.",
    .examples = "  darg purge -q mail\n  darg purge -q mail --scheduled --dead --yes\n",
    .rows = rows,
    .options_size = sizeof(struct purge_options),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .check = check,
    .run = run,
};
