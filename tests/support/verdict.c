#include "support/verdict.h"

#include "job/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES_MAX = 20, GRACE_MS = 2000 };

struct look {
    struct conn *conn;
    struct ledger *ledger;
    struct verdict *verdict;
    const char *namespace, *queue;
    int64_t now_ms, lease_ms;
    int64_t done, gone; /* jobs counted as done; jobs that have ended and are in no key */
    struct err *err;
    enum status status; /* the first that is not ST_OK; nothing more is read after it */
};

/* ---- asking Redis ---- */

/* NULL if it fails, or has failed before. `key` is the part after the queue's name. */
static struct reply *ask(struct look *look, const char *command, const char *key,
                         const char *const *more)
{
    struct request request = {0};
    struct buf name = {0};
    struct reply *reply = NULL;
    if (look->status != ST_OK)
        return NULL;
    buf_printf(&name, "%s:{%s}%s", look->namespace, look->queue, key);
    request_add_text(&request, command);
    request_add(&request, buf_slice(&name));
    for (; more != NULL && *more != NULL; more++)
        request_add_text(&request, *more);
    look->status = conn_call(look->conn, &request, &reply, look->err);
    request_fini(&request);
    buf_fini(&name);
    return reply;
}

static int64_t ask_number(struct look *look, const char *command, const char *key,
                          const char *member)
{
    const char *const more[] = {member, NULL};
    struct reply *reply = ask(look, command, key, more);
    int64_t number = reply_int(reply, -1);
    reply_free(reply);
    return number;
}

static int64_t counter(struct look *look, const char *name)
{
    int64_t count = ask_number(look, "HGET", ":counts", name);
    return count < 0 ? 0 : count;
}

/* ---- places ---- */

static const char *const all[] = {"0", "-1", NULL};

/* NULL: it is not a job (but a sentinel). */
static struct ledger_job *job_of(struct look *look, const struct reply *element)
{
    struct job job;
    struct err ignored = {0};
    struct slice text = reply_slice(element);
    if (text.ptr == NULL || job_is_sentinel(text))
        return NULL;
    (void)!job_read(text, INT64_MAX, &job, &ignored); /* even an invalid one may have an id */
    return ledger_job(look->ledger, job.id[0] == '\0' ? "(without an id)" : job.id);
}

static size_t count_coming(struct look *look, const char *command, const char *key)
{
    size_t count = 0;
    struct reply *elements = ask(look, command, key, all);
    for (size_t i = 0; i < reply_count(elements); i++) {
        struct ledger_job *job = job_of(look, reply_at(elements, i));
        if (job != NULL) {
            job->coming++;
            count++;
        }
    }
    reply_free(elements);
    return count;
}

static size_t count_dead(struct look *look)
{
    struct reply *elements = ask(look, "ZRANGE", ":dead", all);
    size_t count = 0;
    for (size_t i = 0; i < reply_count(elements); i++) {
        struct ledger_job *job = job_of(look, reply_at(elements, i));
        if (job != NULL) {
            job->dead++;
            count++;
        }
    }
    reply_free(elements);
    return count;
}

static bool is_alive(struct look *look, const char *worker)
{
    int64_t score = ask_number(look, "ZSCORE", ":workers", worker);
    return score >= 0 && look->now_ms - score <= look->lease_ms + GRACE_MS;
}

static size_t count_claimed(struct look *look, const char *worker)
{
    size_t count = 0;
    struct buf key = {0};
    buf_printf(&key, ":claimed:%s", worker);
    struct reply *entries = ask(look, "HGETALL", buf_text(&key), NULL);
    for (size_t i = 0; i + 1 < reply_count(entries); i += 2) {
        struct ledger_job *job = reply_int(reply_at(entries, i), 0) <= 0 /* `last`, `blame` */
                                     ? NULL
                                     : job_of(look, reply_at(entries, i + 1));
        if (job != NULL) {
            job->held++;
            count++;
        }
    }
    reply_free(entries);
    buf_fini(&key);
    return count;
}

static bool is_anyone_alive(struct look *look)
{
    bool is_one = false;
    struct reply *workers = ask(look, "ZRANGE", ":workers", all);
    for (size_t i = 0; i < reply_count(workers) && !is_one; i++) {
        char *worker = slice_dup(reply_slice(reply_at(workers, i)));
        is_one = is_alive(look, worker);
        free(worker);
    }
    reply_free(workers);
    return is_one;
}

/* By all workers, registered or not. */
static size_t count_held(struct look *look)
{
    struct buf pattern = {0};
    struct request request = {0};
    struct reply *keys = NULL;
    size_t count = 0;
    buf_printf(&pattern, "%s:{%s}:claimed:*", look->namespace, look->queue);
    size_t prefix = pattern.len - 1;
    request_add_text(&request, "KEYS");
    request_add(&request, buf_slice(&pattern));
    if (look->status == ST_OK)
        look->status = conn_call(look->conn, &request, &keys, look->err);
    for (size_t i = 0; i < reply_count(keys); i++) {
        char *key = slice_dup(reply_slice(reply_at(keys, i)));
        size_t held = count_claimed(look, key + prefix);
        look->verdict->stuck += is_alive(look, key + prefix) ? 0 : held;
        count += held;
        free(key);
    }
    reply_free(keys);
    request_fini(&request);
    buf_fini(&pattern);
    return count;
}

static void look_at_queue(struct look *look)
{
    static const char *const ends[] = {"done", "retried", "buried", "released", "reaped"};
    struct verdict *verdict = look->verdict;
    verdict->waiting += count_coming(look, "LRANGE", "");
    verdict->waiting += count_coming(look, "LRANGE", ":suspects");
    verdict->scheduled += count_coming(look, "ZRANGE", ":scheduled");
    verdict->dead += count_dead(look);
    size_t held = count_held(look), inbox = count_coming(look, "LRANGE", ":inbox");
    int64_t reaped = ask_number(look, "SCARD", ":reaped", NULL);
    if (!is_anyone_alive(look))
        verdict->stuck += inbox + (size_t)(reaped > 0 ? reaped : 0);
    verdict->waiting += inbox;
    verdict->held += held;
    verdict->unaccounted += counter(look, "claimed") - (int64_t)held;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        verdict->unaccounted -= counter(look, ends[i]);
    look->done += counter(look, "done");
}

/* ---- the judgement ---- */

static bool note(struct look *look, const struct ledger_job *job, bool is_wrong, const char *what)
{
    struct verdict *verdict = look->verdict;
    size_t wrong = verdict->lost + verdict->doubled + verdict->unexpected + verdict->same_run;
    if (is_wrong && wrong < EXAMPLES_MAX)
        buf_printf(&verdict->examples,
                   "%s: %s (begun %u, ended %u; waiting %u, held %u, dead %u)\n", what, job->id,
                   job->begun, job->ended, job->coming, job->held, job->dead);
    return is_wrong;
}

static void judge(struct ledger_job *job, void *context)
{
    struct look *look = context;
    struct verdict *verdict = look->verdict;
    unsigned places = job->coming + job->held + job->dead;
    bool is_known = job->is_acknowledged || job->is_uncertain;
    bool has_arrived = places > 0 || job->begun > 0;
    verdict->pushed += job->is_acknowledged;
    verdict->uncertain += job->is_uncertain && !job->is_acknowledged;
    verdict->arrived += job->is_uncertain && !job->is_acknowledged && has_arrived;
    verdict->ended += job->ended > 0;
    verdict->retried += job->after_failure;
    verdict->cut += job->after_begin;
    verdict->repeated += job->after_end;
    look->gone += job->ended > 0 && places == 0;
    /* A job that has begun had arrived, whether or not its push was acknowledged. */
    bool was_there = job->is_acknowledged || job->begun > 0;
    verdict->lost += note(look, job, was_there && job->ended == 0 && places == 0, "lost");
    verdict->doubled += note(look, job, places > 1, "in two places");
    verdict->unexpected += note(look, job, !is_known, "unexpected");
    if (note(look, job, job->same_run > 0, "the same run twice"))
        verdict->same_run += job->same_run;
}

static int64_t server_ms(struct look *look)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "TIME");
    look->status = conn_call(look->conn, &request, &reply, look->err);
    int64_t now_ms =
        reply_int(reply_at(reply, 0), 0) * 1000 + reply_int(reply_at(reply, 1), 0) / 1000;
    reply_free(reply);
    request_fini(&request);
    return now_ms;
}

enum status verdict_reach(struct conn *conn, const struct verdict_options *options,
                          struct ledger *ledger, struct verdict *verdict, struct err *err)
{
    *verdict = (struct verdict){0};
    struct look look = {.conn = conn,
                        .ledger = ledger,
                        .verdict = verdict,
                        .namespace = options->namespace,
                        .lease_ms = options->lease_ms,
                        .err = err};
    look.now_ms = server_ms(&look);
    for (const char *const *queue = options->queues; *queue != NULL; queue++) {
        look.queue = *queue;
        look_at_queue(&look);
    }
    if (look.status != ST_OK)
        return look.status;
    ledger_visit(ledger, judge, &look);
    verdict->untold = look.gone - look.done;
    return ST_OK;
}

void verdict_fini(struct verdict *verdict)
{
    buf_fini(&verdict->examples);
}

bool verdict_is_good(const struct verdict *verdict)
{
    return verdict->lost + verdict->stuck + verdict->doubled + verdict->unexpected +
                   verdict->same_run ==
               0 &&
           verdict->unaccounted == 0 && verdict->untold == 0;
}

/* ---- in words ---- */

struct row {
    const char *name;
    int64_t value;
    const char *meaning;
    bool is_wrong; /* wrong unless it is 0 */
};

enum { ROWS = 17 };

static void fill_rows(const struct verdict *v, struct row rows[ROWS])
{
    const struct row all_rows[ROWS] = {
        {"pushed", (int64_t)v->pushed, "jobs whose push was acknowledged", false},
        {"uncertain", (int64_t)v->uncertain, "jobs whose push may have happened", false},
        {"arrived", (int64_t)v->arrived, "of these were there", false},
        {"ended", (int64_t)v->ended, "jobs that have run to a good end", false},
        {"dead", (int64_t)v->dead, "in the dead set", false},
        {"waiting", (int64_t)v->waiting, "in line", false},
        {"scheduled", (int64_t)v->scheduled, "for later", false},
        {"held", (int64_t)v->held, "by workers", false},
        {"retried", (int64_t)v->retried, "runs after one that failed", false},
        {"cut", (int64_t)v->cut, "runs after one that was cut short", false},
        {"repeated", (int64_t)v->repeated, "runs after one that had ended well", false},
        {"lost", (int64_t)v->lost, "have not ended and are nowhere", true},
        {"stuck", (int64_t)v->stuck, "with nobody alive to care", true},
        {"doubled", (int64_t)v->doubled, "in two places", true},
        {"unexpected", (int64_t)v->unexpected, "pushed by nobody", true},
        {"same_run", (int64_t)v->same_run, "run numbers used twice", true},
        {"miscounted", llabs(v->unaccounted) + llabs(v->untold), "counters against what happened",
         true},
    };
    memcpy(rows, all_rows, sizeof all_rows);
}

void verdict_print(const struct verdict *verdict, FILE *out)
{
    struct row rows[ROWS];
    fill_rows(verdict, rows);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(out, "%-11s %9" PRId64 "  %s%s\n", rows[i].name, rows[i].value, rows[i].meaning,
                !rows[i].is_wrong    ? ""
                : rows[i].value == 0 ? ": good"
                                     : ": WRONG");
    fputs(buf_text(&verdict->examples), out);
}

void verdict_print_json(const struct verdict *verdict, FILE *out)
{
    struct row rows[ROWS];
    fill_rows(verdict, rows);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(out, "%s\"%s\":%" PRId64, i == 0 ? "{" : ",", rows[i].name, rows[i].value);
    fprintf(out, ",\"good\":%s}", verdict_is_good(verdict) ? "true" : "false");
}
