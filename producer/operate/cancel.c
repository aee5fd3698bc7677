/* darg cancel: stops jobs from running, wherever they are. */
#include "producer/operate/commands.h"
#include "producer/shared/interrupt.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "base/parse.h"
#include "queue/canceller.h"

#include <string.h>

static void say(const struct context *context, const struct canceller *canceller, size_t i)
{
    const char *id = canceller->ids[i], *queue = context->queue.name;
    const struct canceller_job *job = &canceller->jobs[i];
    char time[PARSE_DURATION_MAX];
    switch (job->state) {
    case CANCELLER_UNKNOWN:
        context_note("no job '%s' is waiting or running in queue '%s'", id, queue);
        break;
    case CANCELLER_HELD:
        context_note("'%s' is still held by worker %s after %s: its handler has not ended", id,
                     job->worker, format_duration_ms(canceller->timeout_ms, time));
        break;
    case CANCELLER_ENDED:
        context_note("'%s' ended before it could be stopped", id);
        break;
    case CANCELLER_CANCELLED:
        context_note("cancelled '%s'%s", id, job->worker[0] ? ", which was running" : "");
        break;
    }
}

static void report(const struct context *context, const struct canceller *canceller)
{
    struct json_writer document = {0}, *json = &document;
    json_open_array(json, NULL);
    for (size_t i = 0; i < canceller->count; i++) {
        if (!context->is_json) {
            say(context, canceller, i);
            continue;
        }
        json_open_object(json, NULL);
        json_put_text(json, "id", slice_of(canceller->ids[i]));
        json_put_text(json, "state", slice_of(canceller_state_name(canceller->jobs[i].state)));
        json_close_object(json);
    }
    json_close_array(json);
    if (context->is_json)
        document_print(json);
    json_writer_fini(json);
}

static int run(struct context *context, const void *options)
{
    struct err err = {0};
    struct canceller canceller = *(const struct canceller *)options;
    canceller.patience = interrupt_patience();
    if (canceller_run(context->conn, &context->queue, &canceller, &err) != ST_OK)
        return context_fail(&err);
    report(context, &canceller);
    for (size_t i = 0; i < canceller.count; i++)
        if (canceller.jobs[i].state != CANCELLER_CANCELLED)
            return DARG_FAILED;
    return DARG_OK;
}

/* True if it is among the ids taken so far. */
static bool is_repeated(const struct canceller *canceller, const char *id)
{
    size_t i = 0;
    while (i < canceller->count && strcmp(canceller->ids[i], id) != 0)
        i++;
    return i < canceller->count;
}

/* Checks the operands and keeps each id once. */
static enum status take_ids(const struct context *context, void *options, struct err *err)
{
    struct canceller *canceller = options;
    canceller->ids = context->operands;
    for (size_t i = 0; i < context->operand_count; i++) {
        const char *id = context->operands[i];
        size_t len = strlen(id);
        if (len < 1 || len > JOB_ID_MAX)
            return err_set(err, ST_INVALID, "an ID has 1 to %d bytes", JOB_ID_MAX);
        if (!is_repeated(canceller, id))
            context->operands[canceller->count++] = id;
    }
    return ST_OK;
}

static const struct option_row rows[] = {
    {"timeout", 0, OPTION_FIELD(OPT_DURATION, struct canceller, timeout_ms),
     .value_name = "DURATION", .default_text = "10s",
     .help = "how long to wait for running jobs to end"},
    OPTIONS_END,
};

const struct command cancel_command = {
    .name = "cancel",
    .title = "stop waiting and running jobs",
    .usage = "ID... [options]",
    .summary = "Cancels jobs: waiting and delayed ones are not run, running ones are stopped by "
               "their worker. They join the dead jobs; `darg dead retry` brings them back. Exits "
               "with 0 if all are cancelled.",
    .examples = "  darg cancel report-17\n  darg cancel -q mail a b c --timeout 1m\n",
    .rows = rows,
    .options_size = sizeof(struct canceller),
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION | NEEDS_INTERRUPT,
    .operand = "ID",
    .operands_max = CANCELLER_IDS_MAX,
    .check = take_ids,
    .run = run,
};
