#include "queue/search.h"

#include <stdlib.h>
#include <string.h>

#include "queue/lease.h"

enum {
    PAGE_MIN = 10, /* elements; an element may be a mebibyte */
    PAGE_FIRST = 50,
    PAGE_MAX = 1000,
    PAGE_BYTES = 256 << 10, /* after a larger page the next one is smaller */
};

/* One of the ids, in an array that is sorted by them. */
struct wanted {
    const char *id;
    size_t index;
};

struct walk {
    struct conn *conn;
    const struct queue *queue;
    const struct search *search;
    struct wanted *wanted;
};

static int compare_wanted(const void *a, const void *b)
{
    return strcmp(((const struct wanted *)a)->id, ((const struct wanted *)b)->id);
}

static struct wanted *sort_wanted(const struct search *search)
{
    struct wanted *wanted = mem_array(search->id_count + 1, sizeof *wanted);
    for (size_t i = 0; i < search->id_count; i++)
        wanted[i] = (struct wanted){search->ids[i], i};
    qsort(wanted, search->id_count, sizeof *wanted, compare_wanted);
    return wanted;
}

static enum status meet(const struct walk *walk, struct slice text, struct search_hit hit,
                        struct err *err)
{
    struct job job;
    struct err ignored; /* an unreadable job may still have a readable id */
    (void)!job_read(text, INT64_MAX, &job, &ignored);
    const struct wanted *found = bsearch(&(struct wanted){job.id, 0}, walk->wanted,
                                         walk->search->id_count, sizeof *found, compare_wanted);
    if (found == NULL)
        return ST_OK;
    hit.job = &job;
    hit.index = found->index;
    return walk->search->visit(walk->search->context, &hit, err);
}

static enum status call(const struct walk *walk, struct request *request, struct reply **reply,
                        struct err *err)
{
    enum status status = conn_call(walk->conn, request, reply, err);
    request_fini(request);
    return status;
}

/* ---- lists ---- */

static enum status list_length(const struct walk *walk, const char *list, int64_t *length,
                               struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "LLEN");
    request_add_text(&request, list);
    enum status status = call(walk, &request, &reply, err);
    *length = reply_int(reply, 0);
    reply_free(reply);
    return status;
}

/* Reads `count` elements, beginning at `from`. */
static enum status read_page(const struct walk *walk, const char *list, int64_t from, int64_t count,
                             struct reply **page, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, "LRANGE");
    request_add_text(&request, list);
    request_add_int(&request, from);
    request_add_int(&request, from + count - 1);
    return call(walk, &request, page, err);
}

static enum status meet_page(const struct walk *walk, const struct reply *page,
                             struct search_hit hit, size_t *bytes, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && i < reply_count(page); i++, hit.before--) {
        struct slice text = reply_slice(reply_at(page, i));
        *bytes += text.len;
        status = meet(walk, text, hit, err);
    }
    return status;
}

/* From the left, where jobs join, so that a job pushed or taken meanwhile hides none. */
static enum status search_list(const struct walk *walk, struct search_hit hit, struct err *err)
{
    int64_t page_size = PAGE_FIRST, from = 0, length;
    for (;;) {
        struct reply *page = NULL;
        size_t bytes = 0;
        enum status status = list_length(walk, hit.key, &length, err);
        if (status == ST_OK)
            status = read_page(walk, hit.key, from, page_size, &page, err);
        hit.before = length - 1 - from;
        if (status == ST_OK)
            status = meet_page(walk, page, hit, &bytes, err);
        int64_t count = (int64_t)reply_count(page);
        reply_free(page);
        if (status != ST_OK || count == 0)
            return status;
        from += count;
        if (bytes > PAGE_BYTES)
            page_size = page_size / 2 > PAGE_MIN ? page_size / 2 : PAGE_MIN;
        else
            page_size = 2 * page_size < PAGE_MAX ? 2 * page_size : PAGE_MAX;
    }
}

/* ---- hashes, sets and sorted sets ---- */

/* second: NULL for a set, whose elements are not pairs. */
typedef enum status element_visit(const struct walk *walk, const struct reply *first,
                                  const struct reply *second, void *context, struct err *err);

static enum status scan(const struct walk *walk, const char *command, const char *key,
                        element_visit *visit, void *context, struct err *err)
{
    size_t step = strcmp(command, "SSCAN") == 0 ? 1 : 2;
    char *cursor = mem_dup("0");
    enum status status;
    do {
        struct request request = {0};
        struct reply *reply = NULL;
        request_add_text(&request, command);
        request_add_text(&request, key);
        request_add_text(&request, cursor);
        request_add_text(&request, "COUNT");
        request_add_int(&request, PAGE_FIRST);
        status = call(walk, &request, &reply, err);
        free(cursor);
        cursor = slice_dup(reply_slice(reply_at(reply, 0)));
        const struct reply *found = reply_at(reply, 1);
        for (size_t i = 0; status == ST_OK && i + step <= reply_count(found); i += step)
            status = visit(walk, reply_at(found, i), step == 2 ? reply_at(found, i + 1) : NULL,
                           context, err);
        reply_free(reply);
    } while (status == ST_OK && *cursor && strcmp(cursor, "0") != 0);
    free(cursor);
    return status;
}

/* context: the hit so far. */
static enum status meet_member(const struct walk *walk, const struct reply *member,
                               const struct reply *score, void *context, struct err *err)
{
    struct search_hit hit = *(const struct search_hit *)context;
    hit.at_ms = reply_time_ms(score, 0);
    return meet(walk, reply_slice(member), hit, err);
}

static enum status meet_held(const struct walk *walk, const struct reply *number,
                             const struct reply *text, void *context, struct err *err)
{
    struct search_hit hit = *(const struct search_hit *)context;
    hit.number = reply_int(number, -1);
    return hit.number > 0 ? meet(walk, reply_slice(text), hit, err) : ST_OK;
}

static enum status search_worker(const struct walk *walk, const struct reply *name,
                                 const struct reply *score, void *context, struct err *err)
{
    (void)score;
    (void)context;
    char *worker = slice_dup(reply_slice(name));
    struct search_hit hit = {.state = PLACE_HELD, .worker = worker};
    struct buf key = {0};
    queue_claimed_key(walk->queue, worker, &key);
    enum status status = scan(walk, "HSCAN", buf_text(&key), meet_held, &hit, err);
    buf_fini(&key);
    free(worker);
    return status;
}

static enum status search_place(const struct walk *walk, const struct place *place, struct err *err)
{
    const char *key = place_key(place, walk->queue);
    struct search_hit hit = {.state = place->state, .key = key};
    switch (place->kind) {
    case PLACE_LIST:
        return search_list(walk, hit, err);
    case PLACE_ZSET:
        return scan(walk, "ZSCAN", key, meet_member, &hit, err);
    case PLACE_HOLDERS_ZSET:
        return scan(walk, "ZSCAN", key, search_worker, NULL, err);
    case PLACE_HOLDERS_SET:
        return scan(walk, "SSCAN", key, search_worker, NULL, err);
    }
    return ST_OK;
}

enum status search_run(struct conn *conn, const struct queue *queue, const struct search *search,
                       struct err *err)
{
    const struct walk walk = {
        .conn = conn, .queue = queue, .search = search, .wanted = sort_wanted(search)};
    const struct place *place;
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && (place = place_at(i)) != NULL; i++)
        if (search->states & place->state)
            status = search_place(&walk, place, err);
    free(walk.wanted);
    return status;
}
