/* darg workers: one row per registration, that is, per worker process and queue. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "queue/presence_walk.h"

struct listing {
    const struct context *context;
    struct table table;
    struct document_list list;
};

static void put_told(struct json_writer *json, const char *name, bool is_number, struct slice told)
{
    if (told.ptr == NULL)
        json_put_null(json, name);
    else if (is_number)
        document_json(json, name, told);
    else
        json_put_text(json, name, told);
}

static void add_json(struct listing *listing, const struct presence_worker *worker)
{
    struct json_writer *json = &listing->list.json;
    json_open_object(json, NULL);
    json_put_text(json, "worker", worker->name);
    json_put_text(json, "queue", slice_of(worker->queue));
    document_count(json, "held", worker->held);
    document_count(json, "renewed_age_ms", worker->age_ms);
#define PUT_FIELD(field, is_number) put_told(json, #field, is_number, worker->field);
    PRESENCE_FIELD_LIST(PUT_FIELD)
#undef PUT_FIELD
    json_close_object(json);
    document_list_flush(&listing->list);
}

static void add_row(struct listing *listing, const struct presence_worker *worker)
{
    struct table *table = &listing->table;
    const struct slice told[] = {worker->host, worker->pid, worker->threads, worker->busy};
    table_add(table, worker->name);
    table_add_text(table, worker->queue);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        table_add(table, told[i].ptr == NULL ? slice_of("?") : told[i]);
    table_add_int(table, worker->held);
    table_add_age(table, worker->age_ms);
    table_add(table, worker->version);
    table_add(table, worker->delivery);
}

static enum status add_worker(void *context, const struct presence_worker *worker, struct err *err)
{
    (void)err;
    struct listing *listing = context;
    if (listing->context->is_json)
        add_json(listing, worker);
    else
        add_row(listing, worker);
    return ST_OK;
}

static enum status add_all(struct listing *listing, struct err *err)
{
    const struct context *context = listing->context;
    const struct presence_walk walk = {.visit = add_worker, .context = listing};
    return context->queue_name != NULL
               ? presence_walk_queue(context->conn, &context->queue, &walk, err)
               : presence_walk_all(context->conn, context->namespace, &walk, err);
}

/* What was read is shown even if reading broke off. */
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
    .title = "the workers of the queues",
    .usage = "[options]",
    .summary = "Lists the registered workers: a row for each process and queue it serves.\n"
               "RENEWED is how long ago it last gave a sign of life; BUSY is some 2 s old.",
    .examples = "  darg workers\n  darg workers -q mail --json\n",
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .run = run,
};
