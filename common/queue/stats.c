#include "queue/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "job/job.h"
#include "queue/place.h"

static void read_workers(const struct reply *reply, struct stats *stats)
{
    stats->workers = reply_int(reply, 0);
}

static void read_next_due(const struct reply *reply, struct stats *stats)
{
    stats->next_due_ms = reply_time_ms(reply_at(reply, 1), QUEUE_NEVER);
}

static void read_time(const struct reply *reply, struct stats *stats)
{
    int64_t seconds = reply_int(reply_at(reply, 0), 0);
    int64_t micros = reply_int(reply_at(reply, 1), 0);
    stats->now_ms = seconds * 1000 + micros / 1000;
}

static void read_settings(const struct reply *reply, struct stats *stats)
{
    settings_take(reply, &stats->settings);
}

static void read_counts(const struct reply *reply, struct stats *stats)
{
    size_t i = 0;
#define READ_COUNT(name) stats->counts.name = reply_int(reply_at(reply, i++), 0);
    STATS_COUNT_LIST(READ_COUNT)
#undef READ_COUNT
    stats->held = stats->counts.claimed;
#define TAKE_OFF(name) stats->held -= stats->counts.name;
    STATS_OUTCOME_LIST(TAKE_OFF)
#undef TAKE_OFF
}

/* "time:position" */
static bool read_look(struct slice text, int64_t *time_ms, int64_t *position)
{
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    if (!colon)
        return false;
    struct slice time = {text.ptr, (size_t)(colon - text.ptr)};
    struct slice rest = {colon + 1, text.len - time.len - 1};
    return parse_int(time, 0, INT64_MAX, time_ms, NULL) == ST_OK &&
           parse_int(rest, INT64_MIN, INT64_MAX, position, NULL) == ST_OK;
}

/* Comes last: the first look that saw the next in line. A job that came after the last look of live
 * workers has hardly waited. */
static void read_waits(const struct reply *reply, struct stats *stats)
{
    int64_t head = stats->counts.claimed - stats->counts.released - stats->counts.reaped;
    int64_t since_ms, position;
    stats->oldest_age_ms = stats->waiting > 0 && stats->workers > 0 ? 0 : -1;
    for (size_t i = 0; stats->waiting > 0 && i < reply_count(reply); i++) {
        if (!read_look(reply_slice(reply_at(reply, i)), &since_ms, &position) || position <= head)
            continue;
        stats->oldest_age_ms = stats->now_ms > since_ms ? stats->now_ms - since_ms : 0;
        return;
    }
}

struct step {
    const char *key; /* NULL: none */
    const char *command;
    const char *const *args; /* after the key; ends with NULL */
    void (*read)(const struct reply *reply, struct stats *stats);
    int state; /* read NULL: the answer is a number of jobs of this PLACE_... */
};

enum { STEPS_MAX = 16 };

static void read_length(const struct reply *reply, int state, struct stats *stats)
{
    int64_t *count = state == PLACE_WAITING     ? &stats->waiting
                     : state == PLACE_SCHEDULED ? &stats->scheduled
                                                : &stats->dead;
    *count += reply_int(reply, 0);
}

/* The places that hold jobs themselves; the counters say how many workers hold. */
static size_t add_places(const struct queue *queue, struct step *steps)
{
    const struct place *place;
    size_t count = 0;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++)
        if (place_holds_jobs(place))
            steps[count++] = (struct step){.key = place_key(place, queue),
                                           .command = place->kind == PLACE_LIST ? "LLEN" : "ZCARD",
                                           .state = place->state};
    return count;
}

static enum status send_step(struct conn *conn, const struct step *step, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, step->command);
    if (step->key)
        request_add_text(&request, step->key);
    for (const char *const *arg = step->args; arg && *arg; arg++)
        request_add_text(&request, *arg);
    enum status status = conn_send(conn, &request, err);
    request_fini(&request);
    return status;
}

/* Reads all replies even if some are errors, of which it reports the first. */
static enum status receive_steps(struct conn *conn, const struct step *steps, size_t count,
                                 struct stats *stats, struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < count && conn_is_connected(conn); i++) {
        struct reply *reply = NULL;
        struct err cause = {0};
        enum status got = conn_receive(conn, &reply, &cause);
        if (got == ST_OK && steps[i].read == NULL)
            read_length(reply, steps[i].state, stats);
        else if (got == ST_OK)
            steps[i].read(reply, stats);
        else if (status == ST_OK)
            status = err_set(err, got, "%s: %s", steps[i].key ? steps[i].key : steps[i].command,
                             err_text(&cause));
        reply_free(reply);
    }
    return status;
}

enum status stats_read(struct conn *conn, const struct queue *queue, struct stats *stats,
                       struct err *err)
{
#define WORD(name) #name,
    static const char *const counts[] = {STATS_COUNT_LIST(WORD) NULL};
#undef WORD
    static const char *const first[] = {"0", "0", "WITHSCORES", NULL};
    static const char *const all[] = {"0", "-1", NULL};
    const struct step others[] = {
        {queue->workers, "ZCARD", NULL, read_workers, 0},
        {queue->scheduled, "ZRANGE", first, read_next_due, 0},
        {NULL, "TIME", NULL, read_time, 0},
        {queue->settings, "HMGET", settings_names, read_settings, 0},
        {queue->counts, "HMGET", counts, read_counts, 0},
        {queue->waits, "LRANGE", all, read_waits, 0},
    };
    struct step steps[STEPS_MAX];
    size_t count = add_places(queue, steps);
    const size_t other_count = sizeof others / sizeof others[0];
    ensure(count + other_count <= STEPS_MAX, "%zu places", count);
    memcpy(steps + count, others, sizeof others);
    count += other_count;
    *stats = (struct stats){.next_due_ms = QUEUE_NEVER, .oldest_age_ms = -1};
    enum status status = ST_OK;
    for (size_t i = 0; i < count && status == ST_OK; i++)
        status = send_step(conn, &steps[i], err);
    return status == ST_OK ? receive_steps(conn, steps, count, stats, err) : status;
}
