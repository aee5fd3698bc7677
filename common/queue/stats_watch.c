#include "queue/stats_watch.h"

#include <stdlib.h>
#include <string.h>

void stats_watch_fini(struct stats_watch *watch)
{
    names_fini(&watch->names);
    free(watch->now);
    free(watch->before);
    *watch = (struct stats_watch){0};
}

static bool is_same(const struct names *a, const struct names *b)
{
    bool is = a->count == b->count;
    for (size_t i = 0; is && i < a->count; i++)
        is = strcmp(a->list[i], b->list[i]) == 0;
    return is;
}

static enum status read_queue(struct conn *conn, const char *namespace, const char *name,
                              struct stats *stats, struct err *err)
{
    struct queue queue = {0};
    enum status status = queue_init(&queue, namespace, name, err);
    if (status == ST_OK)
        status = stats_read(conn, &queue, stats, err);
    queue_fini(&queue);
    return status;
}

enum status stats_watch_read(struct stats_watch *watch, struct conn *conn, const char *namespace,
                             struct names *names, struct err *err)
{
    enum status status = ST_OK;
    struct names old = watch->names;
    watch->names = *names;
    *names = (struct names){0};
    free(watch->before);
    watch->before = watch->now;
    watch->has_before = watch->before && is_same(&old, &watch->names);
    watch->now = mem_array(watch->names.count + 1, sizeof *watch->now);
    for (size_t i = 0; status == ST_OK && i < watch->names.count; i++)
        status = read_queue(conn, namespace, watch->names.list[i], &watch->now[i], err);
    names_fini(&old);
    /* Half a reading is none that the next one could be compared with. */
    if (status != ST_OK) {
        free(watch->now);
        watch->now = NULL;
    }
    return status;
}

static int64_t count_at(const struct stats *stats, size_t counter)
{
    return *(const int64_t *)(const void *)((const char *)stats + counter);
}

int64_t stats_watch_rate(const struct stats_watch *watch, size_t i, size_t counter)
{
    if (!watch->has_before)
        return -1;
    int64_t span_ms = watch->now[i].now_ms - watch->before[i].now_ms;
    int64_t grown = count_at(&watch->now[i], counter) - count_at(&watch->before[i], counter);
    return span_ms <= 0 || grown < 0 ? -1 : grown * 1000 / span_ms;
}
