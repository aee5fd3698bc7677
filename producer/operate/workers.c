/* darg workers: one row a registration, that is, a worker process on a queue. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "queue/lease.h"
#include "queue/names.h"
#include "queue/presence.h"
#include "queue/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields of a process's info hash, as the worker writes it. */
static const char *const info_fields[] = {"host", "pid",       "queues",  "types",    "threads",
                                          "busy", "uptime_ms", "version", "protocol", "delivery"};
enum { HOST, PID, QUEUES, TYPES, THREADS, BUSY, UPTIME, VERSION, PROTOCOL, DELIVERY, FIELDS };

struct listing {
    struct context *context;
    struct table table;
    struct document_list list;
};

struct worker {
    struct slice name; /* W */
    struct slice info[FIELDS];
    int64_t held, age_ms;
};

/* The process P of W = P.generation. */
static char *process_of(struct slice worker)
{
    char *process = slice_dup(worker);
    char *dot = strrchr(process, '.');
    if (dot != NULL)
        *dot = '\0';
    return process;
}

static void read_info(struct worker *worker, const struct reply *info)
{
    for (size_t i = 0; i + 1 < reply_count(info); i += 2)
        for (size_t f = 0; f < FIELDS; f++)
            if (slice_is(reply_slice(reply_at(info, i)), info_fields[f]))
                worker->info[f] = reply_slice(reply_at(info, i + 1));
}

static void add_json(struct listing *listing, const char *queue, const struct worker *worker)
{
    struct json_writer *json = &listing->list.json;
    json_open_object(json, NULL);
    json_put_text(json, "worker", worker->name);
    json_put_text(json, "queue", slice_of(queue));
    document_count(json, "held", worker->held);
    document_count(json, "renewed_age_ms", worker->age_ms);
    for (size_t f = 0; f < FIELDS; f++) {
        bool is_number = f == PID || f == THREADS || f == BUSY || f == UPTIME || f == PROTOCOL;
        if (worker->info[f].ptr == NULL)
            json_put_null(json, info_fields[f]);
        else if (is_number)
            document_json(json, info_fields[f], worker->info[f]);
        else
            json_put_text(json, info_fields[f], worker->info[f]);
    }
    json_close_object(json);
    document_list_flush(&listing->list);
}

static void add_row(struct listing *listing, const char *queue, const struct worker *worker)
{
    struct table *table = &listing->table;
    table_add(table, worker->name);
    table_add_text(table, queue);
    static const int before[] = {HOST, PID, THREADS, BUSY};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        struct slice text = worker->info[before[i]];
        table_add(table, text.ptr == NULL ? slice_of("?") : text);
    }
    table_add_int(table, worker->held);
    table_add_age(table, worker->age_ms);
    table_add(table, worker->info[VERSION]);
    table_add(table, worker->info[DELIVERY]);
}

static enum status add_worker(struct listing *listing, const struct queue *queue, int64_t now_ms,
                              struct slice name, int64_t score_ms, struct err *err)
{
    struct conn *conn = listing->context->conn;
    struct worker worker = {.name = name, .age_ms = now_ms > score_ms ? now_ms - score_ms : 0};
    struct reply *info = NULL;
    char *text = slice_dup(name), *process = process_of(name);
    enum status status = presence_held_by(conn, queue, text, &worker.held, err);
    if (status == ST_OK)
        status = presence_process(conn, queue->namespace, process, &info, err);
    if (status == ST_OK) {
        read_info(&worker, info);
        if (listing->context->is_json)
            add_json(listing, queue->name, &worker);
        else
            add_row(listing, queue->name, &worker);
    }
    reply_free(info);
    free(process);
    free(text);
    return status;
}

static enum status add_queue(struct listing *listing, const char *name, struct err *err)
{
    struct queue queue = {0};
    struct stats stats = {0};
    struct reply *workers = NULL;
    enum status status = queue_init(&queue, listing->context->namespace, name, err);
    if (status == ST_OK)
        status = presence_workers(listing->context->conn, &queue, &workers, err);
    if (status == ST_OK && reply_count(workers) > 0)
        status = stats_read(listing->context->conn, &queue, &stats, err);
    for (size_t i = 0; status == ST_OK && i + 1 < reply_count(workers); i += 2)
        status = add_worker(listing, &queue, stats.now_ms, reply_slice(reply_at(workers, i)),
                            reply_time_ms(reply_at(workers, i + 1), 0), err);
    reply_free(workers);
    queue_fini(&queue);
    return status;
}

static enum status add_all(struct listing *listing, struct err *err)
{
    const struct context *context = listing->context;
    if (context->queue_name != NULL)
        return add_queue(listing, context->queue_name, err);
    struct names names;
    enum status status = names_read(context->conn, context->namespace, &names, err);
    for (size_t i = 0; status == ST_OK && i < names.count; i++)
        status = add_queue(listing, names.list[i], err);
    names_fini(&names);
    return status;
}

/* What was read is shown also where reading broke off. */
static int show(struct listing *listing)
{
    struct err err = {0};
    if (listing->context->is_json)
        document_list_begin(&listing->list);
    enum status status = add_all(listing, &err);
    if (listing->context->is_json)
        document_list_end(&listing->list);
    else if (status == ST_OK || listing->table.rows > 0)
        table_print(&listing->table);
    if (status != ST_OK)
        return context_fail(&err);
    if (!listing->context->is_json && listing->table.rows == 0)
        context_note("no worker is registered");
    return DARG_OK;
}

static int run(struct context *context, const void *options)
{
    static const char *const heads[] = {"WORKER",   "QUEUE",    "~HOST", ">PID",
                                        ">THREADS", ">BUSY",    ">HELD", ">RENEWED",
                                        "VERSION",  "DELIVERY", NULL};
    (void)options;
    struct listing listing = {.context = context};
    table_init(&listing.table, heads);
    int code = show(&listing);
    table_fini(&listing.table);
    return code;
}

const struct command workers_command = {
    .name = "workers",
    .title = "who works on the queues",
    .usage = "[options]",
    .summary =
        "Lists the registered workers: a row for each process and queue it serves. RENEWED tells\n"
        "how long ago it last gave a sign of life; BUSY is as of some 2 s ago.",
    .examples = "  darg workers\n  darg workers -q mail --json\n",
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .run = run,
};
