#include "queue/settle.h"

#include "queue/scripts.h"

static bool is_name(const char *name)
{
    return name && name[0];
}

static bool has_follow(const struct settle_item *item)
{
    return is_name(item->reply_name) || is_name(item->result_id);
}

/* What is to be done with the key, whose ownership is taken from *key. */
static void add_verb(struct settle_follow *follow, const char *verb, struct buf *key,
                     const struct settle_item *item, int64_t keep_ms)
{
    request_add(&follow->keys, buf_slice(key));
    script_follow_add(&follow->args, &(struct script_follow_item){
                                         .verb = script_text(verb),
                                         .number = script_int(item->number),
                                         .text = script_bytes(item->told),
                                         .ms = script_int(keep_ms),
                                     });
    buf_clear(key);
}

static void add_follow(struct settle_follow *follow, const struct queue *queue,
                       const struct settle_item *items, size_t count)
{
    struct buf key = {0};
    for (size_t i = 0; i < count; i++) {
        if (is_name(items[i].reply_name)) {
            queue_reply_key(queue, items[i].reply_name, &key);
            add_verb(follow, "tell", &key, &items[i], SETTLE_REPLY_TTL_MS);
        }
        if (is_name(items[i].result_id)) {
            queue_result_key(queue, items[i].result_id, &key);
            add_verb(follow, "keep", &key, &items[i], items[i].keep_ms);
        }
    }
    buf_fini(&key);
}

void settle_follow_add(struct settle_follow *follow, const struct queue *queue,
                       const struct settle_item *item)
{
    add_follow(follow, queue, item, 1);
}

void settle_follow_fini(struct settle_follow *follow)
{
    request_fini(&follow->keys);
    request_fini(&follow->args);
}

static void check_count(size_t count)
{
    ensure(count <= SETTLE_MAX, "%zu jobs in one call", count);
}

void settle_encode_done(struct request *request, const struct lease *lease,
                        const struct settle_item *items, size_t count)
{
    check_count(count);
    struct settle_follow follow = {0};
    add_follow(&follow, lease->queue, items, count);
    const struct script_done_call call = {
        .claimed = lease->claimed,
        .workers = lease->queue->workers,
        .counts = lease->queue->counts,
        .further = &follow.keys,
        .worker = script_text(lease->worker),
        .follow = &follow.args,
    };
    script_done_begin(request, &call);
    bool nothing_follows = follow.keys.count == 0;
    settle_follow_fini(&follow);
    for (size_t i = 0; i < count; i++)
        if (nothing_follows || !has_follow(&items[i]))
            request_add_int(request, items[i].number);
}

void settle_encode_retry(struct request *request, const struct lease *lease,
                         const struct settle_item *items, size_t count)
{
    check_count(count);
    const struct script_retry_call call = {
        .claimed = lease->claimed,
        .workers = lease->queue->workers,
        .counts = lease->queue->counts,
        .scheduled = lease->queue->scheduled,
        .worker = script_text(lease->worker),
    };
    script_retry_begin(request, &call);
    for (size_t i = 0; i < count; i++)
        script_retry_add(request, &(struct script_retry_item){
                                      .number = script_int(items[i].number),
                                      .delay_ms = script_int(items[i].delay_ms),
                                      .head = script_bytes(items[i].head),
                                      .is_whole = script_flag(items[i].is_whole),
                                  });
}

void settle_encode_bury(struct request *request, const struct lease *lease,
                        const struct settle_item *items, size_t count)
{
    check_count(count);
    struct settle_follow follow = {0};
    add_follow(&follow, lease->queue, items, count);
    const struct script_bury_call call = {
        .claimed = lease->claimed,
        .workers = lease->queue->workers,
        .counts = lease->queue->counts,
        .dead = lease->queue->dead,
        .settings = lease->queue->settings,
        .further = &follow.keys,
        .worker = script_text(lease->worker),
        .follow = &follow.args,
    };
    script_bury_begin(request, &call);
    settle_follow_fini(&follow);
    for (size_t i = 0; i < count; i++)
        script_bury_add(request, &(struct script_bury_item){
                                     .number = script_int(items[i].number),
                                     .head = script_bytes(items[i].head),
                                     .is_whole = script_flag(items[i].is_whole),
                                 });
}

void settle_encode_release(struct request *request, const struct lease *lease,
                           const struct settle_item *items, size_t count)
{
    check_count(count);
    const struct script_release_call call = {
        .claimed = lease->claimed,
        .workers = lease->queue->workers,
        .counts = lease->queue->counts,
        .queue = lease->queue->jobs,
        .inbox = lease->queue->inbox,
        .suspects = lease->queue->suspects,
        .worker = script_text(lease->worker),
    };
    script_release_begin(request, &call);
    for (size_t i = 0; i < count; i++)
        script_release_add(request, &(struct script_release_item){
                                        .number = script_int(items[i].number),
                                        .was_started = script_flag(items[i].was_started),
                                    });
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

/* The members of the dead set. */
static void add_members(struct request *members, const struct settle_item *items, size_t count)
{
    struct buf member = {0};
    for (size_t i = 0; i < count; i++)
        if (items[i].head.len > 0)
            add_member(members, &items[i], &member);
    buf_fini(&member);
}

enum status settle_popped(struct conn *conn, const struct queue *queue, int64_t done,
                          const struct settle_item *items, size_t count, struct err *err)
{
    check_count(count);
    struct request request = {0}, members = {0};
    struct settle_follow follow = {0};
    struct reply *reply = NULL;
    add_members(&members, items, count);
    add_follow(&follow, queue, items, count);
    const struct script_settle_popped_call call = {
        .counts = queue->counts,
        .dead = queue->dead,
        .settings = queue->settings,
        .further = &follow.keys,
        .done = script_int(done),
        .dead_count = script_int((int64_t)members.count),
        .member = &members,
        .follow = &follow.args,
    };
    script_settle_popped_begin(&request, &call);
    enum status status = script_call(conn, &script_settle_popped, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    request_fini(&members);
    settle_follow_fini(&follow);
    return status;
}

enum status settle_put_off_popped(struct conn *conn, const struct queue *queue,
                                  const struct settle_item *items, size_t count, struct err *err)
{
    ensure(count > 0, "no jobs in a call");
    check_count(count);
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf member = {0};
    const struct script_schedule_call call = {
        .scheduled = queue->scheduled,
        .delay_ms = script_int(items[0].delay_ms),
    };
    script_schedule_begin(&request, &call);
    for (size_t i = 0; i < count; i++)
        add_member(&request, &items[i], &member);
    enum status status = script_call(conn, &script_schedule, &request, &reply, err);
    buf_fini(&member);
    reply_free(reply);
    request_fini(&request);
    return status;
}
