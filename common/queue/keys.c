#include "queue/keys.h"

#include <stdlib.h>

#include "job/job.h"

static enum status check_name(const char *what, const char *name, struct err *err)
{
    if (job_is_name(slice_of(name)))
        return ST_OK;
    return err_set(err, ST_INVALID,
                   "%s '%.140s' is not a name: 1 to 128 of the characters A-Z a-z 0-9 _ . : -",
                   what, name);
}

static char *make_key(const struct queue *queue, const char *suffix)
{
    struct buf key = {0};
    buf_printf(&key, "%s:{%s}%s", queue->namespace, queue->name, suffix);
    return buf_take(&key);
}

enum status queue_init(struct queue *queue, const char *namespace, const char *name,
                       struct err *err)
{
    *queue = (struct queue){0};
    enum status status = check_name("namespace", namespace, err);
    if (status == ST_OK)
        status = check_name("queue", name, err);
    if (status != ST_OK)
        return status;
    queue->namespace = mem_dup(namespace);
    queue->name = mem_dup(name);
#define MAKE_KEY(field, suffix, type) queue->field = make_key(queue, suffix);
    QUEUE_KEY_LIST(MAKE_KEY)
#undef MAKE_KEY
    return ST_OK;
}

void queue_fini(struct queue *queue)
{
    free(queue->namespace);
    free(queue->name);
#define FREE_KEY(field, suffix, type) free(queue->field);
    QUEUE_KEY_LIST(FREE_KEY)
#undef FREE_KEY
    *queue = (struct queue){0};
}

void queue_claimed_key(const struct queue *queue, const char *worker, struct buf *out)
{
    buf_printf(out, "%s:claimed:%s", queue->jobs, worker);
}

void queue_reply_key(const struct queue *queue, const char *reply, struct buf *out)
{
    buf_printf(out, "%s:reply:%s", queue->jobs, reply);
}

void queue_result_key(const struct queue *queue, const char *id, struct buf *out)
{
    buf_printf(out, "%s:result:%s", queue->jobs, id);
}

void queue_running_key(const struct queue *queue, const char *worker, struct buf *out)
{
    buf_printf(out, "%s:running:%s", queue->jobs, worker);
}

void queue_wake_key(const struct queue *queue, const char *worker, struct buf *out)
{
    buf_printf(out, "%s:wake:%s", queue->jobs, worker);
}

void queue_names_key(const char *namespace, struct buf *out)
{
    buf_printf(out, "%s:queues", namespace);
}

void queue_worker_key(const char *namespace, const char *process, struct buf *out)
{
    buf_printf(out, "%s:worker:%s", namespace, process);
}

void queue_shutdown_key(const char *namespace, const char *process, struct buf *out)
{
    if (process)
        buf_printf(out, "%s:worker:%s:shutdown", namespace, process);
    else
        buf_printf(out, "%s:shutdown", namespace);
}
