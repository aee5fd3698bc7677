/* How long after its push a job starts, with jobs that come at a steady rate.
 *
 *   pickup URL NAME HOW RATE N
 *
 * HOW says who takes them, with one connection and one thread here or in a worker that runs
 * already:
 *
 *   brpop          BRPOP, and that is all: the least that a list can do
 *   blmove         BLMOVE, and a claim by script, and HDEL: what at least once needs
 *   TYPE:FILE      a stamp_worker on the queue `bench`; the job's type, and its BENCH_STAMPS
 *
 * The producer pushes what is due, at most once a millisecond where more than 1,000 a second are
 * wanted. A job's time counts from just before its LPUSH is sent. */
#include "base/clock.h"
#include "base/parse.h"
#include "support/commands.h"
#include "support/histogram.h"
#include "support/measure.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TICK_US = 1000, LOOK_US = 20000, BATCH_MAX = 1000, STUCK_MS = 10000 };
enum { WARM_UP_PART = 5 }; /* of the jobs: 1 in so many, before those that count */

#define LINE "raw:line"
#define INBOX "raw:inbox"
#define HELD "raw:held"
#define ARGS "\"args\":"

static const char claim_source[] =
    "local job = redis.call('RPOP', KEYS[2]) "
    "local jobs = redis.call('RPOP', KEYS[1], ARGV[1]) or {} "
    "if job then table.insert(jobs, 1, job) end "
    "local base, entries = tonumber(ARGV[2]), {} "
    "for i = 1, #jobs do entries[2*i-1] = base + i entries[2*i] = jobs[i] end "
    "if #jobs > 0 then redis.call('HSET', KEYS[3], unpack(entries)) end return jobs";

/* ---- the raw loops ---- */

struct taker {
    struct conn *conn;
    struct histogram *stamps;
    int64_t count; /* jobs it takes before it ends */
};

static void note(struct histogram *stamps, struct slice job)
{
    int64_t now_us = clock_mono_us();
    const char *args = memmem(job.ptr, job.len, ARGS, strlen(ARGS));
    ensure(args != NULL, "no args: %.*s", (int)job.len, job.ptr);
    histogram_add(stamps, now_us - strtoll(args + strlen(ARGS), NULL, 10));
}

static void *take_by_brpop(void *argument)
{
    struct taker *taker = argument;
    for (int64_t i = 0; i < taker->count; i++) {
        struct reply *reply = commands_run(taker->conn, "BRPOP", LINE, "0");
        note(taker->stamps, reply_slice(reply_at(reply, 1)));
        reply_free(reply);
    }
    return NULL;
}

static void *take_by_blmove(void *argument)
{
    struct taker *taker = argument;
    char *sha1 = commands_text(taker->conn, "SCRIPT", "LOAD", claim_source);
    struct buf number = {0};
    int64_t base = 0;
    while (base < taker->count) {
        commands_do(taker->conn, "BLMOVE", LINE, INBOX, "RIGHT", "LEFT", "0");
        buf_clear(&number);
        buf_append_int(&number, base);
        struct reply *jobs = commands_run(taker->conn, "EVALSHA", sha1, "3", LINE, INBOX, HELD,
                                          "64", buf_text(&number));
        size_t count = reply_count(jobs);
        for (size_t i = 0; i < count; i++)
            note(taker->stamps, reply_slice(reply_at(jobs, i)));
        reply_free(jobs);
        for (size_t i = 0; i < count; i++) {
            buf_clear(&number);
            buf_append_int(&number, ++base);
            commands_do(taker->conn, "HDEL", HELD, buf_text(&number));
        }
    }
    buf_fini(&number);
    free(sha1);
    return NULL;
}

/* ---- the producer ---- */

struct producer {
    struct conn *conn;
    const char *key, *type;
    int64_t rate; /* jobs a second */
};

static void sleep_until(int64_t at_us)
{
    const struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue;
}

static void push(const struct producer *producer, int64_t count)
{
    struct err err = {0};
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf job = {0};
    request_add_text(&request, "LPUSH");
    request_add_text(&request, producer->key);
    buf_printf(&job, "{\"type\":\"%s\"," ARGS "%lld}", producer->type, (long long)clock_mono_us());
    for (int64_t i = 0; i < count; i++)
        request_add(&request, buf_slice(&job));
    ensure(conn_call(producer->conn, &request, &reply, &err) == ST_OK, "%s", err_text(&err));
    reply_free(reply);
    request_fini(&request);
    buf_fini(&job);
}

static void produce(const struct producer *producer, int64_t count)
{
    int64_t start_us = clock_mono_us(), gap_us = 1000000 / producer->rate;
    int64_t tick_us = gap_us > TICK_US ? gap_us : TICK_US;
    int64_t pushed = 0;
    for (int64_t due_us = start_us; pushed < count; due_us += tick_us) {
        sleep_until(due_us);
        int64_t due = (clock_mono_us() - start_us) * producer->rate / 1000000 + 1 - pushed;
        due = due > count - pushed ? count - pushed : due;
        for (int64_t n; due > 0; due -= n, pushed += n) {
            n = due < BATCH_MAX ? due : BATCH_MAX;
            push(producer, n);
        }
    }
}

static void wait_taken(const struct histogram *stamps, int64_t count)
{
    int64_t deadline_ms = clock_mono_ms() + STUCK_MS;
    while (histogram_count(stamps) < count) {
        ensure(clock_mono_ms() < deadline_ms, "%lld of %lld jobs were taken",
               (long long)histogram_count(stamps), (long long)count);
        sleep_until(clock_mono_us() + LOOK_US);
    }
    ensure(histogram_count(stamps) == count, "more jobs were taken than pushed");
}

/* The first ones are not counted: memory is mapped, the worker learns the pace. */
static void measure_pickup(const struct producer *producer, struct histogram *stamps,
                           const char *name, int64_t count)
{
    int64_t warm_up = count / WARM_UP_PART + 1;
    produce(producer, warm_up);
    wait_taken(stamps, warm_up);
    histogram_clear(stamps);
    produce(producer, count);
    wait_taken(stamps, count);
    histogram_print(stamps, name);
}

static void measure_raw(struct producer *producer, const char *url, const char *name,
                        void *(*take)(void *), int64_t count)
{
    pthread_t thread;
    struct taker taker = {.conn = commands_connect(url),
                          .stamps = histogram_open(NULL),
                          .count = count + count / WARM_UP_PART + 1};
    ensure(pthread_create(&thread, NULL, take, &taker) == 0, "no thread");
    producer->key = LINE;
    producer->type = "raw";
    measure_pickup(producer, taker.stamps, name, count);
    pthread_join(thread, NULL);
    conn_close(taker.conn);
    histogram_close(taker.stamps);
}

static void measure_worker(struct producer *producer, const char *name, const char *how,
                           int64_t count)
{
    const char *colon = strchr(how, ':');
    ensure(colon != NULL, "no such way: %s", how);
    char *type = slice_dup((struct slice){how, (size_t)(colon - how)});
    struct histogram *stamps = histogram_open(colon + 1);
    producer->key = "darg:{bench}";
    producer->type = type;
    histogram_clear(stamps);
    measure_pickup(producer, stamps, name, count);
    histogram_close(stamps);
    free(type);
}

int main(int argc, char **argv)
{
    ensure(argc == 6, "usage: pickup URL NAME brpop|blmove|TYPE:FILE RATE N");
    const char *url = argv[1], *name = argv[2], *how = argv[3];
    struct producer producer = {.conn = commands_connect(url), .rate = measure_argument(argv[4])};
    int64_t count = measure_argument(argv[5]);
    if (strcmp(how, "brpop") == 0)
        measure_raw(&producer, url, name, take_by_brpop, count);
    else if (strcmp(how, "blmove") == 0)
        measure_raw(&producer, url, name, take_by_blmove, count);
    else
        measure_worker(&producer, name, how, count);
    conn_close(producer.conn);
    return 0;
}
