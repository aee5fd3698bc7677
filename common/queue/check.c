#include "queue/check_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "job/job.h"
#include "queue/names.h"
#include "queue/place.h"
#include "queue/schedule.h"
#include "queue/scripts.h"

enum { UNBOX_STEP = 1000, MEMBERS_STEP = 100, LOOK_MS = 1000 };

/* ---- findings ---- */

void check_add(struct check_walk *walk, const char *kind, enum check_level level, int64_t count,
               const char *key, const char *format, ...)
{
    struct check *check = walk->check;
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (check->count == check->capacity) {
        check->capacity = check->capacity ? check->capacity * 2 : 16;
        check->findings = realloc(check->findings, check->capacity * sizeof *check->findings);
        ensure(check->findings != NULL, "out of memory");
    }
    check->findings[check->count++] = (struct check_finding){
        .kind = kind, .level = level, .count = count, .key = mem_dup(key), .text = mem_dup(text)};
}

enum check_level check_level(bool is_mended)
{
    return is_mended ? CHECK_MENDED : CHECK_WRONG;
}

void check_fini(struct check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        free(check->findings[i].key);
        free(check->findings[i].text);
    }
    free(check->findings);
    *check = (struct check){0};
}

enum status check_call(struct check_walk *walk, struct request *request, struct reply **reply,
                       struct err *err)
{
    enum status status = conn_call(walk->conn, request, reply, err);
    request_fini(request);
    return status;
}

enum status check_pause(struct check_walk *walk, int64_t duration_ms, struct err *err)
{
    return patience_wait(&walk->options->patience, duration_ms)
               ? ST_OK
               : err_set(err, ST_INVALID, "interrupted");
}

static enum status call_one(struct check_walk *walk, const char *command, const char *key,
                            const char *argument, struct reply **reply, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, command);
    request_add_text(&request, key);
    if (argument != NULL)
        request_add_text(&request, argument);
    return check_call(walk, &request, reply, err);
}

/* ---- types and name ---- */

static bool is_of_place(const struct check_walk *walk, const char *key)
{
    const struct place *place;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++)
        if (strcmp(place_key(place, walk->queue), key) == 0)
            return true;
    return false;
}

/* *is_whole false: a key is of the wrong type, and nothing more can be said. *is_used: it has jobs
 * or workers. */
static enum status check_types(struct check_walk *walk, bool *is_whole, bool *is_used,
                               struct err *err)
{
#define KEY(field, suffix, type) walk->queue->field,
#define TYPE(field, suffix, type) type,
    const char *const keys[] = {QUEUE_KEY_LIST(KEY)};
    static const char *const types[] = {QUEUE_KEY_LIST(TYPE)};
#undef KEY
#undef TYPE
    *is_whole = true;
    *is_used = false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct reply *reply = NULL;
        enum status status = call_one(walk, "TYPE", keys[i], NULL, &reply, err);
        if (status != ST_OK)
            return status;
        struct slice type = reply_slice(reply);
        if (!slice_is(type, "none")) {
            *is_used = *is_used || is_of_place(walk, keys[i]);
            if (!slice_is(type, types[i])) {
                check_add(walk, "type", CHECK_WRONG, -1, keys[i],
                          "is a %.*s, should be a %s; RENAME it out of the way", (int)type.len,
                          type.ptr, types[i]);
                *is_whole = false;
            }
        }
        reply_free(reply);
    }
    return ST_OK;
}

static enum status check_name(struct check_walk *walk, struct err *err)
{
    struct buf key = {0};
    struct reply *reply = NULL;
    queue_names_key(walk->queue->namespace, &key);
    enum status status =
        call_one(walk, "SISMEMBER", buf_text(&key), walk->queue->name, &reply, err);
    bool is_known = reply_int(reply, 0) == 1;
    reply_free(reply);
    if (status == ST_OK && !is_known && walk->options->is_repair)
        status = names_add(walk->conn, walk->queue, err);
    if (status == ST_OK && !is_known)
        check_add(walk, "unlisted", check_level(walk->options->is_repair), -1, buf_text(&key),
                  "the queue's name is missing: darg stats does not see it");
    buf_fini(&key);
    return status;
}

/* ---- inbox ---- */

static enum status check_inbox(struct check_walk *walk, struct err *err)
{
    struct reply *reply = NULL;
    enum status status = call_one(walk, "LLEN", walk->queue->inbox, NULL, &reply, err);
    int64_t count = reply_int(reply, 0), moved = UNBOX_STEP;
    reply_free(reply);
    if (status != ST_OK || count == 0 || walk->live > 0)
        return status;
    while (status == ST_OK && walk->options->is_repair && moved == UNBOX_STEP)
        status = schedule_unbox(walk->conn, walk->queue, UNBOX_STEP, &moved, err);
    if (status == ST_OK)
        check_add(walk, "inbox", check_level(walk->options->is_repair), count, walk->queue->inbox,
                  "jobs that woke a worker, but no worker lives to take them");
    return status;
}

/* ---- scheduled and dead ---- */

static enum status check_members(struct check_walk *walk, const char *key, struct err *err)
{
    int64_t cursor = 0, bare = 0;
    do {
        struct request request = {0};
        struct reply *reply = NULL;
        request_add_text(&request, "ZSCAN");
        request_add_text(&request, key);
        request_add_int(&request, cursor);
        request_add_text(&request, "COUNT");
        request_add_int(&request, MEMBERS_STEP);
        enum status status = check_call(walk, &request, &reply, err);
        if (status != ST_OK)
            return status;
        const struct reply *page = reply_at(reply, 1);
        for (size_t i = 0; i < reply_count(page); i += 2) {
            struct job job;
            job_split(reply_slice(reply_at(page, i)), &job);
            bare += !job.is_enveloped;
        }
        cursor = reply_int(reply_at(reply, 0), 0);
        reply_free(reply);
    } while (cursor != 0);
    if (bare > 0)
        check_add(walk, "bare", CHECK_NOTE, bare, key,
                  "members without an envelope: two equal ones would be one");
    return ST_OK;
}

/* ---- counters ---- */

struct balance {
    bool is_complete;
    int64_t difference;
};

/* expected 0: only look. */
static enum status balance(struct check_walk *walk, int64_t expected, struct balance *balance,
                           struct err *err)
{
    struct request request = {0}, claimed = {0};
    struct reply *reply = NULL;
    struct buf key = {0};
    for (size_t i = 0; i < walk->count; i++) {
        buf_clear(&key);
        queue_claimed_key(walk->queue, walk->holders[i].name, &key);
        request_add(&claimed, buf_slice(&key));
    }
    const struct script_balance_call call = {
        .counts = walk->queue->counts,
        .workers = walk->queue->workers,
        .reaped = walk->queue->reaped,
        .claimed = &claimed,
        .expected = expected ? script_int(expected) : script_text(""),
    };
    script_balance_begin(&request, &call);
    for (size_t i = 0; i < walk->count; i++)
        request_add_text(&request, walk->holders[i].name);
    enum status status = script_call(walk->conn, &script_balance, &request, &reply, err);
    balance->is_complete = reply_int(reply_at(reply, 0), 0) == 1;
    balance->difference = reply_int(reply_at(reply, 1), 0);
    reply_free(reply);
    request_fini(&request);
    request_fini(&claimed);
    buf_fini(&key);
    return status;
}

/* A difference counts if it persists while workers come and go; if they do so right now, nothing is
 * reported. */
static enum status check_counters(struct check_walk *walk, struct err *err)
{
    struct balance first = {0}, second = {0};
    enum status status = balance(walk, 0, &first, err);
    if (status != ST_OK || !first.is_complete || first.difference == 0)
        return status;
    status = check_pause(walk, LOOK_MS, err);
    if (status == ST_OK)
        status = balance(walk, walk->options->is_repair ? first.difference : 0, &second, err);
    if (status != ST_OK || !second.is_complete || second.difference != first.difference)
        return status;
    check_add(walk, "counters", check_level(walk->options->is_repair), -1, walk->queue->counts,
              "say that %" PRId64 " more %s", first.difference,
              plural_of(first.difference, "job is held than is", "jobs are held than are"));
    return ST_OK;
}

/* ---- all of it ---- */

static enum status run(struct check_walk *walk, struct err *err)
{
    bool is_whole, is_used;
    enum status status = check_types(walk, &is_whole, &is_used, err);
    if (status != ST_OK || !is_whole)
        return status;
    if (is_used)
        status = check_name(walk, err);
    if (status == ST_OK)
        status = check_holders(walk, err);
    if (status == ST_OK)
        status = check_inbox(walk, err);
    if (status == ST_OK)
        status = check_members(walk, walk->queue->scheduled, err);
    if (status == ST_OK)
        status = check_members(walk, walk->queue->dead, err);
    bool has_odd_hash = false;
    for (size_t i = 0; i < walk->count; i++)
        has_odd_hash |= walk->holders[i].is_there && !walk->holders[i].is_hash;
    return status == ST_OK && !has_odd_hash ? check_counters(walk, err) : status;
}

enum status check_run(struct conn *conn, const struct queue *queue,
                      const struct check_options *options, struct check *check, struct err *err)
{
    struct check_walk walk = {.conn = conn, .queue = queue, .options = options, .check = check};
    enum status status = run(&walk, err);
    for (size_t i = 0; i < walk.count; i++)
        reply_free(walk.holders[i].odd);
    free(walk.holders);
    return status;
}
