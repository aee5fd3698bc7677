/* The part of a check that is about workers: every holder of jobs must be alive, or be reaped by
 * one that is. */
#include "queue/check_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/scripts.h"

enum { SCAN_COUNT = 1000, LOOK_MS = 1000, STALE_LEASES = 5 };
enum { ODD_AT = 6 }; /* where inspect's answer has the odd fields */

/* ---- who there is ---- */

static void add_name(struct check_walk *walk, struct slice name, const char *key)
{
    bool is_name = name.len > 0 && name.len <= LEASE_NAME_MAX && !memchr(name.ptr, 0, name.len);
    if (!is_name) {
        check_add(walk, "name", CHECK_WRONG, 1, key,
                  "holds something that is not a worker's name; remove it by hand");
        return;
    }
    if (walk->count == walk->capacity) {
        walk->capacity = walk->capacity ? walk->capacity * 2 : 64;
        walk->holders = realloc(walk->holders, walk->capacity * sizeof *walk->holders);
        ensure(walk->holders != NULL, "out of memory");
    }
    struct check_holder *holder = &walk->holders[walk->count++];
    *holder = (struct check_holder){.score_ms = 0};
    memcpy(holder->name, name.ptr, name.len);
}

/* All members of a set or zset, page by page. */
static enum status add_members(struct check_walk *walk, const char *command, const char *key,
                               size_t stride, struct err *err)
{
    int64_t cursor = 0;
    do {
        struct request request = {0};
        struct reply *reply = NULL;
        request_add_text(&request, command);
        request_add_text(&request, key);
        request_add_int(&request, cursor);
        request_add_text(&request, "COUNT");
        request_add_int(&request, SCAN_COUNT);
        enum status status = check_call(walk, &request, &reply, err);
        if (status != ST_OK)
            return status;
        const struct reply *page = reply_at(reply, 1);
        for (size_t i = 0; i < reply_count(page); i += stride)
            add_name(walk, reply_slice(reply_at(page, i)), key);
        cursor = reply_int(reply_at(reply, 0), 0);
        reply_free(reply);
    } while (cursor != 0);
    return ST_OK;
}

/* The cursor of SCAN may exceed an int64, so it is kept as text. */
static enum status scan_holdings(struct check_walk *walk, struct err *err)
{
    struct buf prefix = {0}, cursor = {0};
    queue_claimed_key(walk->queue, "", &prefix);
    buf_append_text(&cursor, "0");
    enum status status = ST_OK;
    do {
        struct request request = {0};
        struct reply *reply = NULL;
        struct buf pattern = {0};
        buf_printf(&pattern, "%s*", buf_text(&prefix));
        request_add_text(&request, "SCAN");
        request_add(&request, buf_slice(&cursor));
        request_add_text(&request, "MATCH");
        request_add(&request, buf_slice(&pattern));
        request_add_text(&request, "COUNT");
        request_add_int(&request, SCAN_COUNT);
        buf_fini(&pattern);
        status = check_call(walk, &request, &reply, err);
        const struct reply *page = reply_at(reply, 1);
        for (size_t i = 0; i < reply_count(page); i++) {
            struct slice key = reply_slice(reply_at(page, i));
            if (key.len > prefix.len)
                add_name(walk, (struct slice){key.ptr + prefix.len, key.len - prefix.len},
                         "a claimed hash");
        }
        buf_clear(&cursor);
        buf_append_slice(&cursor, reply_slice(reply_at(reply, 0)));
        reply_free(reply);
    } while (status == ST_OK && cursor.len > 0 && strcmp(buf_text(&cursor), "0") != 0);
    buf_fini(&prefix);
    buf_fini(&cursor);
    return status;
}

static int compare_holders(const void *a, const void *b)
{
    const struct check_holder *first = a, *second = b;
    return strcmp(first->name, second->name);
}

static void make_unique(struct check_walk *walk)
{
    if (walk->count == 0)
        return;
    qsort(walk->holders, walk->count, sizeof *walk->holders, compare_holders);
    size_t kept = 1;
    for (size_t i = 1; i < walk->count; i++)
        if (strcmp(walk->holders[i].name, walk->holders[kept - 1].name) != 0)
            walk->holders[kept++] = walk->holders[i];
    walk->count = kept;
}

/* ---- what they hold ---- */

static enum status inspect(struct check_walk *walk, struct check_holder *holder, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf claimed = {0};
    queue_claimed_key(walk->queue, holder->name, &claimed);
    const struct script_inspect_call call = {
        .workers = walk->queue->workers,
        .reaped = walk->queue->reaped,
        .claimed = buf_text(&claimed),
        .worker = script_text(holder->name),
    };
    script_inspect_begin(&request, &call);
    enum status status = script_call(walk->conn, &script_inspect, &request, &reply, err);
    request_fini(&request);
    buf_fini(&claimed);
    if (status != ST_OK)
        return status;
    reply_free(holder->odd);
    holder->odd = reply;
    holder->is_hash = slice_is(reply_slice(reply_at(reply, 0)), "hash");
    holder->is_there = !slice_is(reply_slice(reply_at(reply, 0)), "none");
    struct slice score = reply_slice(reply_at(reply, 1));
    snprintf(holder->score, sizeof holder->score, "%.*s", (int)score.len,
             score.ptr ? score.ptr : "");
    holder->score_ms = reply_time_ms(reply_at(reply, 1), 0);
    holder->is_reaped = reply_int(reply_at(reply, 2), 0) == 1;
    holder->jobs = reply_int(reply_at(reply, 3), 0);
    holder->has_receipt_right = reply_int(reply_at(reply, 4), 0) == 1;
    holder->now_ms = reply_int(reply_at(reply, 5), 0);
    return ST_OK;
}

static bool is_registered(const struct check_holder *holder)
{
    return holder->score[0] != 0;
}

/* A time that far ahead of the clock was written before the clock was set back; a live worker
 * replaces it. */
static bool looks_stale(const struct check_walk *walk, const struct check_holder *holder)
{
    return is_registered(holder) &&
           llabs(holder->now_ms - holder->score_ms) > STALE_LEASES * walk->options->lease_ms;
}

/* A worker that has not renewed for long is looked at again; before a repair, after a whole lease,
 * the rule by which workers expel each other. */
static enum status find_stale(struct check_walk *walk, struct err *err)
{
    size_t suspects = 0;
    for (size_t i = 0; i < walk->count; i++)
        suspects += looks_stale(walk, &walk->holders[i]);
    int64_t pause_ms = walk->options->is_repair ? walk->options->lease_ms : 0;
    enum status status = ST_OK;
    if (suspects > 0)
        status = check_pause(walk, pause_ms > LOOK_MS ? pause_ms : LOOK_MS, err);
    for (size_t i = 0; status == ST_OK && i < walk->count; i++) {
        struct check_holder *holder = &walk->holders[i];
        if (looks_stale(walk, holder)) {
            char seen[sizeof holder->score];
            memcpy(seen, holder->score, sizeof seen);
            status = inspect(walk, holder, err);
            holder->is_stale = strcmp(seen, holder->score) == 0;
        }
        walk->live += is_registered(holder) && !holder->is_stale;
    }
    return status;
}

/* ---- mending ---- */

/* *is_alive: its score has changed. */
static enum status adopt(struct check_walk *walk, const struct check_holder *holder,
                         const char *seen_score, bool *is_alive, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf claimed = {0};
    queue_claimed_key(walk->queue, holder->name, &claimed);
    const struct script_adopt_call call = {
        .workers = walk->queue->workers,
        .reaped = walk->queue->reaped,
        .claimed = buf_text(&claimed),
        .queue = walk->queue->jobs,
        .drained = walk->queue->drained,
        .worker = script_text(holder->name),
        .seen = script_text(seen_score),
    };
    script_adopt_begin(&request, &call);
    const struct reply *odd = reply_at(holder->odd, ODD_AT);
    for (size_t i = 0; i < reply_count(odd); i++)
        request_add(&request, reply_slice(reply_at(odd, i)));
    enum status status = script_call(walk->conn, &script_adopt, &request, &reply, err);
    *is_alive = status == ST_OK && reply_int(reply, -1) < 0;
    request_fini(&request);
    buf_fini(&claimed);
    reply_free(reply);
    return status;
}

/* Returns the jobs of a worker that is dead or unknown; *is_mended false: it is alive. What reap
 * would not see is moved out before each of reap's steps, since the last one removes the whole
 * hash. */
static enum status recover(struct check_walk *walk, struct check_holder *holder, bool *is_mended,
                           struct err *err)
{
    const struct lease_blame nobody_knows = {.is_known = false};
    struct lease_reaped step = {.outcome = LEASE_REAP_MORE};
    char seen[sizeof holder->score];
    memcpy(seen, holder->score, sizeof seen);
    bool is_alive = false;
    enum status status = ST_OK;
    while (status == ST_OK && step.outcome == LEASE_REAP_MORE) {
        status = adopt(walk, holder, seen, &is_alive, err);
        if (status == ST_OK && !is_alive)
            status = inspect(walk, holder, err);
        if (status != ST_OK || is_alive)
            break;
        if (reply_count(reply_at(holder->odd, ODD_AT)) == 0)
            status =
                lease_reap(walk->conn, walk->queue, holder->name, NULL, &nobody_knows, &step, err);
    }
    *is_mended = step.outcome == LEASE_REAP_ENDED || step.outcome == LEASE_REAP_GONE;
    return status == ST_OK ? inspect(walk, holder, err) : status;
}

static enum status undrain(struct check_walk *walk, const struct check_holder *holder,
                           struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "SREM");
    request_add_text(&request, walk->queue->drained);
    request_add_text(&request, holder->name);
    enum status status = check_call(walk, &request, &reply, err);
    reply_free(reply);
    return status;
}

/* ---- judging ---- */

/* Names never return to the registry, so one that is not in it now never will be. */
static enum status judge_drained(struct check_walk *walk, const struct check_holder *holder,
                                 struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "SISMEMBER");
    request_add_text(&request, walk->queue->drained);
    request_add_text(&request, holder->name);
    enum status status = check_call(walk, &request, &reply, err);
    bool is_drained = reply_int(reply, 0) == 1;
    reply_free(reply);
    if (status != ST_OK || !is_drained || is_registered(holder))
        return status;
    if (walk->options->is_repair)
        status = undrain(walk, holder, err);
    check_add(walk, "drained", check_level(walk->options->is_repair), 1, walk->queue->drained,
              "%s waits for a drain's end, but is not registered", holder->name);
    return status;
}

/* Why a holder has to be recovered; NULL: it does not. */
static const char *trouble_of(const struct check_walk *walk, const struct check_holder *holder)
{
    if (holder->is_stale)
        return "stale";
    if (!is_registered(holder) && holder->is_reaped && (walk->live == 0 || !holder->is_there))
        return "reaped";
    return !is_registered(holder) && !holder->is_reaped && holder->is_there ? "orphan" : NULL;
}

static void report(struct check_walk *walk, const struct check_holder *seen, const char *kind,
                   const char *key, bool is_mended)
{
    const char *why = strcmp(kind, "orphan") == 0
                          ? "its worker is unknown: nobody would return these jobs"
                      : seen->jobs == 0 ? "being reaped, with nothing left to move"
                                        : "being reaped, and no worker lives to finish it";
    if (seen->is_stale && seen->score_ms > seen->now_ms)
        check_add(walk, kind, check_level(is_mended), seen->jobs, key,
                  "its worker renewed last before the clock was set back, and nobody reaped it");
    else if (seen->is_stale)
        check_add(walk, kind, check_level(is_mended), seen->jobs, key,
                  "its worker has not renewed for %" PRId64 " s, and nobody reaped it",
                  (seen->now_ms - seen->score_ms) / 1000);
    else
        check_add(walk, kind, check_level(is_mended), seen->jobs, key, "%s", why);
}

static enum status judge(struct check_walk *walk, struct check_holder *holder, struct err *err)
{
    struct buf key = {0};
    queue_claimed_key(walk->queue, holder->name, &key);
    bool is_damaged = holder->is_there && !holder->is_hash;
    const char *kind = is_damaged ? NULL : trouble_of(walk, holder);
    bool is_mended = false;
    enum status status = ST_OK;
    if (is_damaged)
        check_add(walk, "type", CHECK_WRONG, -1, buf_text(&key), "should be a hash");
    const struct check_holder seen = *holder;
    size_t odd_count = reply_count(reply_at(holder->odd, ODD_AT));
    if (kind != NULL && walk->options->is_repair)
        status = recover(walk, holder, &is_mended, err);
    if (kind != NULL)
        report(walk, &seen, kind, buf_text(&key), is_mended);
    if (odd_count > 0)
        check_add(walk, "field", check_level(is_mended), (int64_t)odd_count, buf_text(&key),
                  "fields that are not claim numbers");
    if (!seen.has_receipt_right)
        check_add(walk, "receipt", check_level(is_mended), -1, buf_text(&key),
                  "the receipt contradicts what is held");
    buf_fini(&key);
    return status == ST_OK ? judge_drained(walk, holder, err) : status;
}

enum status check_holders(struct check_walk *walk, struct err *err)
{
    const struct queue *queue = walk->queue;
    enum status status = scan_holdings(walk, err);
    if (status == ST_OK)
        status = add_members(walk, "ZSCAN", queue->workers, 2, err);
    if (status == ST_OK)
        status = add_members(walk, "SSCAN", queue->reaped, 1, err);
    if (status == ST_OK)
        status = add_members(walk, "SSCAN", queue->drained, 1, err);
    make_unique(walk);
    for (size_t i = 0; status == ST_OK && i < walk->count; i++)
        status = inspect(walk, &walk->holders[i], err);
    if (status == ST_OK)
        status = find_stale(walk, err);
    for (size_t i = 0; status == ST_OK && i < walk->count; i++)
        status = judge(walk, &walk->holders[i], err);
    return status;
}
