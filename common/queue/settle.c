#include "queue/settle.h"

#include "queue/scripts.h"

static bool is_name(const char *name)
{
    return name && name[0];
}

/* On how many lists its end is told. */
static int count_lists(const struct settle_item *item)
{
    return is_name(item->reply_name) + is_name(item->result_id);
}

int settle_count_lists(const struct settle_item *items, size_t count)
{
    int n = 0;
    for (size_t i = 0; i < count; i++)
        n += count_lists(&items[i]);
    return n;
}

void settle_add_list_keys(struct request *request, const struct queue *queue,
                          const struct settle_item *items, size_t count)
{
    struct buf key = {0};
    for (size_t i = 0; i < count; i++) {
        if (is_name(items[i].reply_name)) {
            buf_clear(&key);
            queue_reply_key(queue, items[i].reply_name, &key);
            request_add(request, buf_slice(&key));
        }
        if (is_name(items[i].result_id)) {
            buf_clear(&key);
            queue_result_key(queue, items[i].result_id, &key);
            request_add(request, buf_slice(&key));
        }
    }
    buf_fini(&key);
}

static void add_telling(struct request *request, const char *verb, const struct settle_item *item,
                        int64_t keep_ms)
{
    request_add_text(request, verb);
    request_add_int(request, item->number);
    request_add(request, item->told);
    request_add_int(request, keep_ms);
}

void settle_add_tellings(struct request *request, const struct settle_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_name(items[i].reply_name))
            add_telling(request, "tell", &items[i], SETTLE_REPLY_TTL_MS);
        if (is_name(items[i].result_id))
            add_telling(request, "keep", &items[i], items[i].keep_ms);
    }
}

/* Starts a call; its first three keys are the same in every settling script. */
static void begin(struct request *request, const struct script *script, const struct lease *lease,
                  size_t count, int lists)
{
    ensure(count <= SETTLE_MAX, "%zu jobs in one call", count);
    script_begin(request, script, script->key_count + lists);
    request_add_text(request, lease->claimed);
    request_add_text(request, lease->queue->workers);
    request_add_text(request, lease->queue->counts);
}

void settle_encode_done(struct request *request, const struct lease *lease,
                        const struct settle_item *items, size_t count)
{
    int lists = settle_count_lists(items, count);
    begin(request, &script_done, lease, count, lists);
    if (lists)
        settle_add_list_keys(request, lease->queue, items, count);
    request_add_text(request, lease->worker);
    if (lists)
        settle_add_tellings(request, items, count);
    for (size_t i = 0; i < count; i++)
        if (!lists || count_lists(&items[i]) == 0)
            request_add_int(request, items[i].number);
}

void settle_encode_retry(struct request *request, const struct lease *lease,
                         const struct settle_item *items, size_t count)
{
    begin(request, &script_retry, lease, count, 0);
    request_add_text(request, lease->queue->scheduled);
    request_add_text(request, lease->worker);
    for (size_t i = 0; i < count; i++) {
        request_add_int(request, items[i].number);
        request_add_int(request, items[i].delay_ms);
        request_add(request, items[i].head);
        request_add_text(request, items[i].is_whole ? "1" : "0");
    }
}

void settle_encode_bury(struct request *request, const struct lease *lease,
                        const struct settle_item *items, size_t count)
{
    begin(request, &script_bury, lease, count, settle_count_lists(items, count));
    request_add_text(request, lease->queue->dead);
    request_add_text(request, lease->queue->settings);
    settle_add_list_keys(request, lease->queue, items, count);
    request_add_text(request, lease->worker);
    settle_add_tellings(request, items, count);
    for (size_t i = 0; i < count; i++) {
        request_add_int(request, items[i].number);
        request_add(request, items[i].head);
        request_add_text(request, items[i].is_whole ? "1" : "0");
    }
}

void settle_encode_release(struct request *request, const struct lease *lease,
                           const struct settle_item *items, size_t count)
{
    begin(request, &script_release, lease, count, 0);
    request_add_text(request, lease->queue->jobs);
    request_add_text(request, lease->queue->inbox);
    request_add_text(request, lease->queue->suspects);
    request_add_text(request, lease->worker);
    for (size_t i = 0; i < count; i++) {
        request_add_int(request, items[i].number);
        request_add_text(request, items[i].was_started ? "1" : "0");
    }
}

enum status settle_call(struct conn *conn, enum settle_kind kind, const struct request *request,
                        struct settle_answer *answer, struct err *err)
{
    static const struct script *const scripts[SETTLE_KINDS] = {
        [SETTLE_DONE] = &script_done,
        [SETTLE_RETRY] = &script_retry,
        [SETTLE_BURY] = &script_bury,
        [SETTLE_RELEASE] = &script_release,
    };
    ensure(kind < SETTLE_KINDS, "kind %d", (int)kind);
    struct reply *reply = NULL;
    enum status status = script_call(conn, scripts[kind], request, &reply, err);
    if (status != ST_OK)
        return status;
    int64_t registered = reply_int(reply_at(reply, 0), -1);
    int64_t settled = reply_int(reply_at(reply, 1), -1);
    reply_free(reply);
    if (registered < 0 || settled < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered \"%s\" with something unexpected",
                       scripts[kind]->name);
    *answer = (struct settle_answer){.is_registered = registered == 1, .settled = settled};
    return ST_OK;
}

static void add_member(struct request *request, const struct settle_item *item, struct buf *member)
{
    buf_clear(member);
    buf_append_slice(member, item->head);
    buf_append_slice(member, item->original);
    buf_append_char(member, '}');
    request_add(request, buf_slice(member));
}

/* The dead members of a settle_popped call, and how many there are. */
static void add_popped_members(struct request *request, const struct settle_item *items,
                               size_t count)
{
    int64_t dead = 0;
    for (size_t i = 0; i < count; i++)
        dead += items[i].head.len > 0;
    request_add_int(request, dead);
    struct buf member = {0};
    for (size_t i = 0; i < count; i++)
        if (items[i].head.len > 0)
            add_member(request, &items[i], &member);
    buf_fini(&member);
}

enum status settle_popped(struct conn *conn, const struct queue *queue, int64_t done,
                          const struct settle_item *items, size_t count, struct err *err)
{
    ensure(count <= SETTLE_MAX, "%zu jobs in one call", count);
    struct request request = {0};
    struct reply *reply = NULL;
    script_begin(&request, &script_settle_popped, 3 + settle_count_lists(items, count));
    request_add_text(&request, queue->counts);
    request_add_text(&request, queue->dead);
    request_add_text(&request, queue->settings);
    settle_add_list_keys(&request, queue, items, count);
    request_add_int(&request, done);
    add_popped_members(&request, items, count);
    settle_add_tellings(&request, items, count);
    enum status status = script_call(conn, &script_settle_popped, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    return status;
}

enum status settle_put_off_popped(struct conn *conn, const struct queue *queue,
                                  const struct settle_item *items, size_t count, struct err *err)
{
    ensure(count > 0 && count <= SETTLE_MAX, "%zu jobs in one call", count);
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf member = {0};
    script_begin(&request, &script_schedule, 1);
    request_add_text(&request, queue->scheduled);
    request_add_int(&request, items[0].delay_ms);
    for (size_t i = 0; i < count; i++)
        add_member(&request, &items[i], &member);
    enum status status = script_call(conn, &script_schedule, &request, &reply, err);
    buf_fini(&member);
    reply_free(reply);
    request_fini(&request);
    return status;
}
