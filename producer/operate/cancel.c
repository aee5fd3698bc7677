/* darg cancel: jobs that are not to run (any more), wherever they are. */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/table.h"

#include "base/parse.h"
#include "queue/canceller.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { TIMEOUT_MS = 10000 };

struct cancel {
    struct context context;
    struct canceller canceller;
};

static void say(const struct cancel *cancel, size_t i)
{
    const char *id = cancel->canceller.ids[i], *queue = cancel->context.queue.name;
    const struct canceller_job *job = &cancel->canceller.jobs[i];
    char time[PARSE_DURATION_MAX];
    switch (job->state) {
    case CANCELLER_UNKNOWN:
        context_note("no job '%s' waits or runs in queue '%s'", id, queue);
        break;
    case CANCELLER_HELD:
        context_note("'%s' is still held by worker %s after %s: its handler does not end", id,
                     job->worker, format_duration_ms(cancel->canceller.timeout_ms, time));
        break;
    case CANCELLER_ENDED:
        context_note("'%s' ended before it could be stopped", id);
        break;
    case CANCELLER_CANCELLED:
        context_note("cancelled '%s'%s", id, job->worker[0] ? ", which was running" : "");
        break;
    }
}

static void report(const struct cancel *cancel)
{
    const struct canceller *canceller = &cancel->canceller;
    struct cJSON *list = cancel->context.is_json ? cJSON_CreateArray() : NULL;
    for (size_t i = 0; i < canceller->count; i++) {
        if (list == NULL) {
            say(cancel, i);
            continue;
        }
        struct cJSON *object = cJSON_CreateObject();
        table_json_text(object, "id", slice_of(canceller->ids[i]));
        table_json_text(object, "state", slice_of(canceller_state_name(canceller->jobs[i].state)));
        cJSON_AddItemToArray(list, object);
    }
    if (list != NULL)
        table_json_print(list);
}

static int run(struct cancel *cancel)
{
    struct err err = {0};
    struct canceller *canceller = &cancel->canceller;
    if (canceller_run(cancel->context.conn, &cancel->context.queue, canceller, &err) != ST_OK)
        return context_fail(&err);
    report(cancel);
    for (size_t i = 0; i < canceller->count; i++)
        if (canceller->jobs[i].state != CANCELLER_CANCELLED)
            return DARG_FAILED;
    return DARG_OK;
}

/* Among those that were taken already. */
static bool is_repeated(const struct cancel *cancel, const char *id)
{
    size_t i = 0;
    while (i < cancel->canceller.count && strcmp(cancel->canceller.ids[i], id) != 0)
        i++;
    return i < cancel->canceller.count;
}

/* Checks the operands and leaves each id once. */
static enum status take_ids(struct cancel *cancel, struct err *err)
{
    if (cancel->context.operand_count == 0)
        return err_set(err, ST_INVALID, "ID is missing");
    cancel->canceller.ids = cancel->context.operands;
    for (size_t i = 0; i < cancel->context.operand_count; i++) {
        const char *id = cancel->context.operands[i];
        size_t len = strlen(id);
        if (len < 1 || len > JOB_ID_MAX)
            return err_set(err, ST_INVALID, "an ID has 1 to %d bytes", JOB_ID_MAX);
        if (!is_repeated(cancel, id))
            cancel->context.operands[cancel->canceller.count++] = id;
    }
    return ST_OK;
}

int cancel_main(int argc, char **argv)
{
    struct cancel cancel = {.canceller.timeout_ms = TIMEOUT_MS,
                            .canceller.patience = interrupt_patience()};
    const struct option_row rows[] = {
        {"timeout", 0, OPT_DURATION, .target = &cancel.canceller.timeout_ms,
         .value_name = "DURATION", .default_text = "10s",
         .help = "how long to wait for jobs that run to end"},
        {0},
    };
    const struct context_spec spec = {
        .program = "darg cancel",
        .usage = "ID... [options]",
        .summary =
            "Cancels jobs: those that wait or are delayed are not run, those that run are stopped "
            "by their worker. They go to the dead jobs, from where `darg dead retry` brings them "
            "back. Exits with 0 if all are cancelled.",
        .examples = "  darg cancel report-17\n  darg cancel -q mail a b c --timeout 1m\n",
        .rows = rows,
        .uses = CONTEXT_QUEUE | CONTEXT_JSON,
        .operands_max = CANCELLER_IDS_MAX};
    struct err err = {0};
    int exit_code;
    interrupt_init();
    if (!context_parse(&cancel.context, &spec, argc, argv, &exit_code))
        ;
    else if (take_ids(&cancel, &err) != ST_OK)
        exit_code = context_usage(&spec, "%s", err_text(&err));
    else if (context_connect(&cancel.context, &err) != ST_OK)
        exit_code = context_fail(&err);
    else
        exit_code = run(&cancel);
    context_fini(&cancel.context);
    interrupt_end();
    return exit_code;
}
