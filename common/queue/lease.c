#include "queue/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/parse.h"
#include "queue/scripts.h"

enum { HOST_MAX = 63, REAP_STEP = 500, SCAN_COUNT = 1000 };

void lease_name(const char *process, uint64_t generation, char out[LEASE_NAME_MAX + 1])
{
    int len = snprintf(out, LEASE_NAME_MAX + 1, "%s.%" PRIu64, process, generation);
    ensure(len > 0 && len <= LEASE_NAME_MAX, "the worker's name has %d bytes", len);
}

void lease_init(struct lease *lease, const struct queue *queue, const char *process,
                uint64_t generation)
{
    *lease = (struct lease){.queue = queue};
    lease_name(process, generation, lease->worker);
    struct buf key = {0};
    queue_claimed_key(queue, lease->worker, &key);
    lease->claimed = buf_take(&key);
}

void lease_fini(struct lease *lease)
{
    free(lease->claimed);
    *lease = (struct lease){0};
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* It contains no '.', so names P.generation of different processes cannot be confused. */
void lease_process_name(char out[LEASE_NAME_MAX + 1])
{
    char host[HOST_MAX + 1] = "";
    if (gethostname(host, sizeof host) != 0)
        host[0] = 0;
    host[HOST_MAX] = 0;
    host[strcspn(host, ".")] = 0;
    for (char *c = host; *c; c++)
        if (!is_name_char(*c))
            *c = '-';
    uint64_t random = id_random() & UINT64_C(0xffffffffffff);
    int len = snprintf(out, LEASE_NAME_MAX + 1, "%s-%ld-%012" PRIx64, host[0] ? host : "host",
                       (long)getpid(), random);
    ensure(len > 0 && len <= LEASE_NAME_MAX, "the process's name has %d bytes", len);
}

static enum status unexpected(const struct script *script, struct err *err)
{
    return err_set(err, ST_PROTOCOL, "Redis answered \"%s\" with something unexpected",
                   script->name);
}

/* Calls and frees the request. */
static enum status call_and_free(struct conn *conn, const struct script *script,
                                 struct request *request, struct reply **reply, struct err *err)
{
    enum status status = script_call(conn, script, request, reply, err);
    request_fini(request);
    return status;
}

void lease_know_drain(struct lease_drain *known, struct slice name)
{
    size_t len = name.len < LEASE_SCORE_MAX ? name.len : LEASE_SCORE_MAX;
    known->is_known = true;
    if (len)
        memcpy(known->name, name.ptr, len);
    known->name[len] = 0;
}

enum status lease_register(struct conn *conn, const struct lease *lease, int64_t age_ms,
                           struct lease_drain *known, enum lease_register *outcome, int64_t *now_ms,
                           struct err *err)
{
    static const char *const words[] = {
        [LEASE_REGISTERED] = "ok", [LEASE_DRAINED] = "drained", [LEASE_FENCED] = "fenced"};
    struct request request = {0};
    struct reply *reply = NULL;
    const struct script_register_call call = {
        .workers = lease->queue->workers,
        .reaped = lease->queue->reaped,
        .settings = lease->queue->settings,
        .gone = lease->queue->gone,
        .worker = script_text(lease->worker),
        .age_ms = script_int(age_ms),
    };
    script_register_begin(&request, &call);
    if (known->is_known)
        request_add_text(&request, known->name);
    enum status status = call_and_free(conn, &script_register, &request, &reply, err);
    if (status != ST_OK)
        return status;
    size_t word = 0, count = sizeof words / sizeof words[0];
    while (word < count && !slice_is(reply_slice(reply_at(reply, 0)), words[word]))
        word++;
    *now_ms = reply_int(reply_at(reply, 1), -1);
    bool is_whole = word < count && *now_ms >= 0;
    if (is_whole && word != LEASE_FENCED)
        lease_know_drain(known, reply_slice(reply_at(reply, 2)));
    reply_free(reply);
    if (!is_whole)
        return unexpected(&script_register, err);
    *outcome = (enum lease_register)word;
    return ST_OK;
}

/* A name from the registry; false for one that is too long to be ours. */
static bool copy_name(struct slice name, char out[LEASE_NAME_MAX + 1])
{
    if (name.len < 1 || name.len > LEASE_NAME_MAX)
        return false;
    memcpy(out, name.ptr, name.len);
    out[name.len] = 0;
    return true;
}

static void read_peers(const struct reply *window, struct lease_state *state)
{
    for (size_t i = 0; i + 1 < reply_count(window) && state->peer_count < LEASE_WINDOW; i += 2) {
        struct lease_peer *peer = &state->peers[state->peer_count];
        struct slice score = reply_slice(reply_at(window, i + 1));
        if (score.len > LEASE_SCORE_MAX ||
            !copy_name(reply_slice(reply_at(window, i)), peer->worker))
            continue;
        memcpy(peer->score, score.ptr, score.len);
        peer->score[score.len] = 0;
        state->peer_count++;
    }
}

static void read_fenced(const struct reply *fenced, struct lease_state *state)
{
    for (size_t i = 0; i < reply_count(fenced) && state->fenced_count < LEASE_FENCED_MAX; i++)
        if (copy_name(reply_slice(reply_at(fenced, i)), state->fenced[state->fenced_count]))
            state->fenced_count++;
}

static void read_cancelled(const struct reply *ids, struct lease_state *state)
{
    state->cancelled_count = 0;
    for (size_t i = 0; i < reply_count(ids) && state->cancelled_count < LEASE_CANCEL_MAX; i++) {
        struct slice id = reply_slice(reply_at(ids, i));
        if (id.len < 1 || id.len > JOB_ID_MAX || memchr(id.ptr, 0, id.len))
            continue;
        char *out = state->cancelled[state->cancelled_count++];
        memcpy(out, id.ptr, id.len);
        out[id.len] = 0;
    }
}

static void read_state(const struct reply *reply, struct lease_state *state)
{
    state->is_registered = reply_int(reply_at(reply, 0), 0) == 1;
    state->now_ms = reply_int(reply_at(reply, 1), -1);
    state->next_due_ms = reply_int(reply_at(reply, 2), QUEUE_NEVER);
    state->inbox_count = reply_int(reply_at(reply, 3), 0);
    for (size_t i = 0; i < LEASE_ORDERS_MAX; i++)
        slice_copy(reply_slice(reply_at(reply_at(reply, 4), i)), state->orders[i],
                   sizeof state->orders[i]);
    state->worker_count = reply_int(reply_at(reply, 5), 0);
    state->peer_count = state->fenced_count = 0;
    read_peers(reply_at(reply, 6), state);
    read_fenced(reply_at(reply, 7), state);
    read_cancelled(reply_at(reply, 8), state);
    state->suspect_count = reply_int(reply_at(reply, 9), 0);
}

enum status lease_renew(struct conn *conn, const struct lease *lease, const struct lease_ask *ask,
                        struct lease_state *state, struct err *err)
{
    struct request request = {0}, orders = {0};
    struct reply *reply = NULL;
    request_add_text(&orders, lease->queue->shutdown);
    for (size_t i = 0; i < ask->order_key_count; i++)
        request_add_text(&orders, ask->order_keys[i]);
    const struct script_renew_call call = {
        .workers = lease->queue->workers,
        .reaped = lease->queue->reaped,
        .scheduled = lease->queue->scheduled,
        .inbox = lease->queue->inbox,
        .cancel = lease->queue->cancel,
        .suspects = lease->queue->suspects,
        .order = &orders,
        .worker = script_text(lease->worker),
        .first = script_int(ask->window_start),
        .window = script_int(LEASE_WINDOW),
        .max_ids = script_int(LEASE_CANCEL_MAX),
    };
    script_renew_begin(&request, &call);
    request_fini(&orders);
    enum status status = call_and_free(conn, &script_renew, &request, &reply, err);
    if (status != ST_OK)
        return status;
    bool is_whole = reply_count(reply) == 10 && reply_is_int(reply_at(reply, 0)) &&
                    reply_is_int(reply_at(reply, 1));
    if (is_whole)
        read_state(reply, state);
    reply_free(reply);
    return is_whole ? ST_OK : unexpected(&script_renew, err);
}

static void encode_reap(struct request *request, const struct queue *queue, const char *worker,
                        const char *seen_score, const struct lease_blame *blame)
{
    struct buf claimed = {0};
    queue_claimed_key(queue, worker, &claimed);
    bool is_open = blame->is_known && blame->has_open_claim;
    const struct script_reap_call call = {
        .workers = queue->workers,
        .reaped = queue->reaped,
        .claimed = buf_text(&claimed),
        .queue = queue->jobs,
        .counts = queue->counts,
        .drained = queue->drained,
        .inbox = queue->inbox,
        .gone = queue->gone,
        .suspects = queue->suspects,
        .worker = script_text(worker),
        .seen = script_text(seen_score ? seen_score : ""),
        .limit = script_int(REAP_STEP),
        .open = is_open ? script_int(blame->open_base) : script_text(""),
    };
    script_reap_begin(request, &call);
    if (!blame->is_known)
        request_add_text(request, "*");
    for (size_t i = 0; blame->is_known && i < blame->count; i++)
        request_add_int(request, blame->numbers[i]);
    buf_fini(&claimed);
}

enum status lease_reap(struct conn *conn, const struct queue *queue, const char *worker,
                       const char *seen_score, const struct lease_blame *blame,
                       struct lease_reaped *answer, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    *answer = (struct lease_reaped){.moved = 0};
    encode_reap(&request, queue, worker, seen_score, blame);
    enum status status = call_and_free(conn, &script_reap, &request, &reply, err);
    if (status != ST_OK)
        return status;
    struct slice word = reply_slice(reply_at(reply, 0));
    if (slice_is(word, "alive")) {
        answer->outcome = LEASE_REAP_ALIVE;
    } else if (slice_is(word, "gone")) {
        answer->outcome = LEASE_REAP_GONE;
    } else if (slice_is(word, "moved")) {
        answer->moved = reply_int(reply_at(reply, 1), 0);
        answer->suspects = reply_int(reply_at(reply, 3), 0);
        answer->outcome =
            reply_int(reply_at(reply, 2), 0) == 1 ? LEASE_REAP_MORE : LEASE_REAP_ENDED;
    } else {
        status = unexpected(&script_reap, err);
    }
    reply_free(reply);
    return status;
}

/* One page of the registry; *cursor is moved on. */
static enum status scan_names(struct conn *conn, const struct queue *queue, const char *pattern,
                              int64_t *cursor, struct buf *names, size_t *count, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "ZSCAN");
    request_add_text(&request, queue->workers);
    request_add_int(&request, *cursor);
    request_add_text(&request, "MATCH");
    request_add_text(&request, pattern);
    request_add_text(&request, "COUNT");
    request_add_int(&request, SCAN_COUNT);
    enum status status = conn_call(conn, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    const struct reply *found = reply_at(reply, 1);
    char name[LEASE_NAME_MAX + 1];
    for (size_t i = 0; i < reply_count(found); i += 2) {
        if (!copy_name(reply_slice(reply_at(found, i)), name))
            continue;
        buf_append(names, name, strlen(name) + 1);
        ++*count;
    }
    *cursor = reply_int(reply_at(reply, 0), -1);
    reply_free(reply);
    if (*cursor < 0)
        return err_set(err, ST_PROTOCOL, "Redis answered ZSCAN with something unexpected");
    return ST_OK;
}

enum status lease_find_process(struct conn *conn, const struct queue *queue, const char *process,
                               struct buf *names, size_t *count, struct err *err)
{
    struct buf pattern = {0};
    buf_printf(&pattern, "%s.*", process);
    *count = 0;
    int64_t cursor = 0;
    enum status status;
    do
        status = scan_names(conn, queue, buf_text(&pattern), &cursor, names, count, err);
    while (status == ST_OK && cursor != 0);
    buf_fini(&pattern);
    return status;
}

enum status lease_deregister(struct conn *conn, const struct lease *lease, const int64_t *started,
                             size_t started_count, bool *is_registered, int64_t *released,
                             struct err *err)
{
    struct request request = {0};
    const struct script_deregister_call call = {
        .claimed = lease->claimed,
        .workers = lease->queue->workers,
        .counts = lease->queue->counts,
        .queue = lease->queue->jobs,
        .drained = lease->queue->drained,
        .inbox = lease->queue->inbox,
        .gone = lease->queue->gone,
        .suspects = lease->queue->suspects,
        .worker = script_text(lease->worker),
    };
    script_deregister_begin(&request, &call);
    for (size_t i = 0; i < started_count; i++)
        request_add_int(&request, started[i]);
    *released = 0;
    bool has_more = true;
    enum status status = ST_OK;
    while (status == ST_OK && has_more) {
        struct reply *reply = NULL;
        status = script_call(conn, &script_deregister, &request, &reply, err);
        if (status == ST_OK && reply_count(reply) != 3)
            status = unexpected(&script_deregister, err);
        if (status == ST_OK) {
            *is_registered = reply_int(reply_at(reply, 0), 0) == 1;
            *released += reply_int(reply_at(reply, 1), 0);
            has_more = reply_int(reply_at(reply, 2), 0) == 1;
        }
        reply_free(reply);
    }
    request_fini(&request);
    return status;
}

enum status lease_held(struct conn *conn, const struct lease *lease, int64_t **numbers,
                       size_t *count, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "HKEYS");
    request_add_text(&request, lease->claimed);
    enum status status = conn_call(conn, &request, &reply, err);
    request_fini(&request);
    if (status != ST_OK)
        return status;
    *numbers = mem_array(reply_count(reply) + 1, sizeof **numbers);
    *count = 0;
    for (size_t i = 0; i < reply_count(reply); i++) {
        int64_t number = reply_int(reply_at(reply, i), -1);
        if (number > 0)
            (*numbers)[(*count)++] = number;
    }
    reply_free(reply);
    return ST_OK;
}
