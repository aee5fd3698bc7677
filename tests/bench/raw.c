/* What Redis itself can do, with jobs of 100 bytes: the limits beside which ours are shown.
 *
 *   raw URL one N     LPUSH, one job at a time
 *   raw URL lpush N   LPUSH of 100, 16 of them under way
 *   raw URL rpop N    RPOP of 100, one after the other: nothing is recorded
 *   raw URL claim N   a bare claim of 256 by script (RPOP, HSET) with the HDEL of those before
 *   raw URL claim N NAME BATCH PAYLOAD ROUNDS
 *                     the same under another name, with another batch and other jobs, so many times
 *   raw URL brpop N   16 connections, a thread each: BRPOP, one job at a time
 *
 * The line is filled first, outside the measured time. */
#include "base/buf.h"
#include "support/commands.h"
#include "support/filler.h"
#include "support/measure.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIM = 256, CLAIM_MAX = 1000, THREADS = 16 };

#define LINE "raw:jobs"
#define HELD "raw:held"
#define END_MARK "end"

static const char claim_source[] =
    "local jobs = redis.call('RPOP', KEYS[1], ARGV[1]) if not jobs then return {} end "
    "local base, entries = tonumber(ARGV[2]), {} "
    "for i = 1, #jobs do entries[2*i-1] = base + i entries[2*i] = jobs[i] end "
    "redis.call('HSET', KEYS[2], unpack(entries)) return jobs";

static void push(struct conn *conn, int64_t n)
{
    filler_push(conn, LINE, n, FILLER_PAYLOAD);
}

static void measure_one(struct conn *conn, int64_t n)
{
    struct measure measure;
    struct buf job = {0};
    measure_begin(&measure, conn);
    for (int64_t i = 0; i < n; i++) {
        filler_job(&job, i, FILLER_PAYLOAD);
        commands_do(conn, "LPUSH", LINE, buf_text(&job));
    }
    measure_end(&measure, "raw_one", n);
    buf_fini(&job);
}

static void measure_lpush(struct conn *conn, int64_t n)
{
    struct measure measure;
    measure_begin(&measure, conn);
    push(conn, n);
    measure_end(&measure, "raw_lpush", n);
}

static void measure_rpop(struct conn *conn, int64_t n)
{
    struct measure measure;
    push(conn, n);
    measure_begin(&measure, conn);
    for (int64_t taken = 0; taken < n;) {
        struct reply *jobs = commands_run(conn, "RPOP", LINE, "100");
        ensure(reply_count(jobs) > 0, "the line is empty after %lld jobs", (long long)taken);
        taken += (int64_t)reply_count(jobs);
        reply_free(jobs);
    }
    measure_end(&measure, "raw_rpop", n);
}

static void send_release(struct conn *conn, struct request *request, int64_t base, int64_t count)
{
    request_clear(request);
    request_add_text(request, "HDEL");
    request_add_text(request, HELD);
    for (int64_t i = 1; i <= count; i++)
        request_add_int(request, base + i);
    filler_send(conn, request);
}

/* How the loop of claims is to go. */
struct claims {
    const char *name;
    int64_t batch;
    size_t payload; /* bytes of a job's args */
    int64_t rounds; /* the line is filled and emptied so often */
    char *sha1;     /* of the script */
};

static void send_claim(struct conn *conn, struct request *request, const struct claims *claims,
                       int64_t base)
{
    request_clear(request);
    request_add_text(request, "EVALSHA");
    request_add_text(request, claims->sha1);
    request_add_int(request, 2);
    request_add_text(request, LINE);
    request_add_text(request, HELD);
    request_add_int(request, claims->batch);
    request_add_int(request, base);
    filler_send(conn, request);
}

static void claim_all(struct conn *conn, const struct claims *claims, int64_t n)
{
    struct request request = {0};
    int64_t base = 0, held = 0;
    for (bool is_over = false; !is_over;) {
        if (held > 0)
            send_release(conn, &request, base - held, held);
        send_claim(conn, &request, claims, base);
        if (held > 0)
            reply_free(filler_receive(conn));
        struct reply *jobs = filler_receive(conn);
        held = (int64_t)reply_count(jobs);
        base += held;
        is_over = held == 0;
        reply_free(jobs);
    }
    request_fini(&request);
    ensure(base == n, "%lld of %lld jobs were claimed", (long long)base, (long long)n);
}

static void measure_claim(struct conn *conn, int64_t n, struct claims *claims)
{
    int64_t span_us = 0, redis_us = 0;
    ensure(claims->batch <= CLAIM_MAX, "a batch of at most %d", CLAIM_MAX);
    claims->sha1 = commands_text(conn, "SCRIPT", "LOAD", claim_source);
    for (int64_t i = 0; i < claims->rounds; i++) {
        struct measure measure;
        filler_push(conn, LINE, n, claims->payload);
        measure_begin(&measure, conn);
        claim_all(conn, claims, n);
        measure_add(&measure, &span_us, &redis_us);
    }
    measure_report(claims->name, n * claims->rounds, span_us, redis_us);
    free(claims->sha1);
}

static void *pop_all(void *argument)
{
    struct conn *conn = argument;
    for (bool is_over = false; !is_over;) {
        struct reply *reply = commands_run(conn, "BRPOP", LINE, "5");
        ensure(reply_count(reply) == 2, "the line is empty too early");
        is_over = slice_is(reply_slice(reply_at(reply, 1)), END_MARK);
        reply_free(reply);
    }
    return NULL;
}

static void measure_brpop(struct conn *conn, const char *url, int64_t n)
{
    struct measure measure;
    struct conn *conns[THREADS];
    pthread_t threads[THREADS];
    push(conn, n);
    for (int i = 0; i < THREADS; i++) {
        conns[i] = commands_connect(url);
        commands_do(conn, "LPUSH", LINE, END_MARK);
    }
    measure_begin(&measure, conn);
    for (int i = 0; i < THREADS; i++)
        ensure(pthread_create(&threads[i], NULL, pop_all, conns[i]) == 0, "no thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    measure_end(&measure, "raw_brpop", n);
    for (int i = 0; i < THREADS; i++)
        conn_close(conns[i]);
}

int main(int argc, char **argv)
{
    bool is_special = argc == 8 && strcmp(argv[2], "claim") == 0;
    ensure(argc == 4 || is_special, "usage: raw URL one|lpush|rpop|claim|brpop N, or raw URL claim "
                                    "N NAME BATCH PAYLOAD ROUNDS");
    const char *mode = argv[2];
    int64_t n = measure_argument(argv[3]);
    struct claims claims = {
        .name = "raw_claim", .batch = CLAIM, .payload = FILLER_PAYLOAD, .rounds = 1};
    if (is_special)
        claims = (struct claims){.name = argv[4],
                                 .batch = measure_argument(argv[5]),
                                 .payload = (size_t)measure_argument(argv[6]),
                                 .rounds = measure_argument(argv[7])};
    struct conn *conn = commands_connect(argv[1]);
    commands_do(conn, "DEL", LINE, HELD);
    if (strcmp(mode, "one") == 0)
        measure_one(conn, n);
    else if (strcmp(mode, "lpush") == 0)
        measure_lpush(conn, n);
    else if (strcmp(mode, "rpop") == 0)
        measure_rpop(conn, n);
    else if (strcmp(mode, "claim") == 0)
        measure_claim(conn, n, &claims);
    else if (strcmp(mode, "brpop") == 0)
        measure_brpop(conn, argv[1], n);
    else
        ensure(false, "no such mode: %s", mode);
    commands_do(conn, "DEL", LINE, HELD);
    conn_close(conn);
    return 0;
}
