#include "queue/presence_walk.h"

#include <stdlib.h>

#include "queue/names.h"
#include "queue/presence.h"
#include "queue/stats.h"

static void read_info(struct presence_worker *worker, const struct reply *info)
{
#define READ_FIELD(field, is_number) worker->field = presence_told(info, #field);
    PRESENCE_FIELD_LIST(READ_FIELD)
#undef READ_FIELD
}

static enum status visit_worker(struct conn *conn, const struct queue *queue,
                                const struct presence_walk *walk, struct presence_worker *worker,
                                struct err *err)
{
    struct reply *info = NULL;
    char *name = slice_dup(worker->name);
    enum status status = presence_held_by(conn, queue, name, &worker->held, err);
    if (status == ST_OK)
        status = presence_worker(conn, queue, worker->name, &info, err);
    if (status == ST_OK) {
        read_info(worker, info);
        status = walk->visit(walk->context, worker, err);
    }
    reply_free(info);
    free(name);
    return status;
}

enum status presence_walk_queue(struct conn *conn, const struct queue *queue,
                                const struct presence_walk *walk, struct err *err)
{
    struct stats stats = {0};
    struct reply *workers = NULL;
    enum status status = presence_workers(conn, queue, &workers, err);
    if (status == ST_OK && reply_count(workers) > 0)
        status = stats_read(conn, queue, &stats, err);
    for (size_t i = 0; status == ST_OK && i + 1 < reply_count(workers); i += 2) {
        int64_t renewed_ms = reply_time_ms(reply_at(workers, i + 1), 0);
        struct presence_worker worker = {
            .queue = queue->name,
            .name = reply_slice(reply_at(workers, i)),
            .age_ms = stats.now_ms > renewed_ms ? stats.now_ms - renewed_ms : 0};
        status = visit_worker(conn, queue, walk, &worker, err);
    }
    reply_free(workers);
    return status;
}

enum status presence_walk_all(struct conn *conn, const char *namespace,
                              const struct presence_walk *walk, struct err *err)
{
    struct names names;
    enum status status = names_read(conn, namespace, &names, err);
    for (size_t i = 0; status == ST_OK && i < names.count; i++) {
        struct queue queue;
        status = queue_init(&queue, namespace, names.list[i], err);
        if (status == ST_OK)
            status = presence_walk_queue(conn, &queue, walk, err);
        queue_fini(&queue);
    }
    names_fini(&names);
    return status;
}
