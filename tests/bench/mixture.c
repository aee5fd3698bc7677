/* How well several workers share jobs of which some take a thousand times longer than others.
 *
 *   mixture URL NAME mixed|phases TRACE THREADS LONG LONG_MS SHORT SHORT_MS
 *
 * The workers, stamp_workers of THREADS threads that write the file TRACE, serve queue `bench`
 * already. LONG jobs of one kind and SHORT ones of the other come into it all at once: `mixed`, or
 * in `phases`: first the short ones, then the long ones. Until all are done it is noted every
 * millisecond what Redis says that each worker holds; a job without an id is called after its
 * claim, so the trace says when that claim was started. Prints
 *
 *   NAME.makespan   ms until the last job has ended
 *   NAME.over       makespan over that of the ideal schedule, less 1: each job, as long as it
 *                   really took, in the order of the line, onto the first thread that is free
 *   NAME.stranded   ms: the longest time that one job waited in one worker's memory while in
 *                   another one a thread had nothing to do
 *   NAME.returned   jobs that were given back */
#include "base/clock.h"
#include "support/commands.h"
#include "support/filler.h"
#include "support/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORKERS_MAX = 4, CLAIMS_MAX = 1 << 18, THREADS_MAX = 256 };
enum { LOOK_US = 1000, STUCK_MS = 120000, NAME_BYTES = 192 };

#define QUEUE "darg:{bench}"
#define STOCK "{bench}stock"

/* One claim of a job: when it was seen held first and last, and when it ran, if it did. */
struct claim_seen {
    int64_t first_us, last_us, start_us, end_us;
};

struct run {
    int64_t start_us, end_us;
};

struct worker {
    char name[NAME_BYTES], claimed[NAME_BYTES + 32];
    struct claim_seen *claims; /* by number */
    int64_t highest;           /* number */
    struct run *idle;          /* when one of its threads at least did nothing */
    size_t idle_count;
};

struct bench {
    struct conn *conn;
    struct worker workers[WORKERS_MAX];
    size_t worker_count;
    int64_t threads; /* of a worker */
    int64_t jobs;
    struct run *runs; /* by place in the line */
    int64_t released_us, ended_us;
};

/* ---- what happens ---- */

static int64_t counted(struct conn *conn, const char *what)
{
    char *text = commands_text(conn, "HGET", QUEUE ":counts", what);
    int64_t count = text == NULL ? 0 : strtoll(text, NULL, 10);
    free(text);
    return count;
}

static void find_workers(struct bench *bench)
{
    struct reply *names = commands_run(bench->conn, "ZRANGE", QUEUE ":workers", "0", "-1");
    bench->worker_count = reply_count(names);
    ensure(bench->worker_count >= 1 && bench->worker_count <= WORKERS_MAX, "%zu workers",
           bench->worker_count);
    for (size_t i = 0; i < bench->worker_count; i++) {
        struct worker *worker = &bench->workers[i];
        struct slice name = reply_slice(reply_at(names, i));
        snprintf(worker->name, sizeof worker->name, "%.*s", (int)name.len, name.ptr);
        snprintf(worker->claimed, sizeof worker->claimed, QUEUE ":claimed:%s", worker->name);
        worker->claims = mem_array(CLAIMS_MAX, sizeof *worker->claims);
    }
    reply_free(names);
}

/* Whether the job at this place in the line is a long one. */
static bool is_long(const char *order, int64_t place, int64_t count_long, int64_t count_short)
{
    int64_t all = count_long + count_short;
    if (strcmp(order, "phases") == 0)
        return place >= count_short;
    return (place + 1) * count_long / all > place * count_long / all;
}

static void fill(const struct bench *bench, const char *order, char **counts)
{
    int64_t count_long = measure_argument(counts[0]), count_short = measure_argument(counts[2]);
    struct request request = {0};
    struct buf job = {0};
    for (int64_t i = 0; i < bench->jobs; i++) {
        buf_clear(&job);
        buf_printf(&job, "{\"type\":\"nap\",\"args\":[%s,%lld]}",
                   is_long(order, i, count_long, count_short) ? counts[1] : counts[3],
                   (long long)i);
        request_clear(&request);
        request_add_text(&request, "LPUSH");
        request_add_text(&request, STOCK);
        request_add(&request, buf_slice(&job));
        filler_send(bench->conn, &request);
    }
    for (int64_t i = 0; i < bench->jobs; i++)
        reply_free(filler_receive(bench->conn));
    request_fini(&request);
    buf_fini(&job);
}

static void note_held(struct worker *worker, const struct reply *fields, int64_t now_us)
{
    for (size_t i = 0; i < reply_count(fields); i++) {
        struct slice field = reply_slice(reply_at(fields, i));
        int64_t number = strtoll(field.ptr, NULL, 10);
        if (number <= 0) /* the receipt */
            continue;
        ensure(number < CLAIMS_MAX, "claim number %lld", (long long)number);
        struct claim_seen *claim = &worker->claims[number];
        claim->first_us = claim->first_us > 0 ? claim->first_us : now_us;
        claim->last_us = now_us;
        worker->highest = number > worker->highest ? number : worker->highest;
    }
}

static void look(struct bench *bench)
{
    struct request request = {0};
    for (size_t i = 0; i < bench->worker_count; i++) {
        request_clear(&request);
        request_add_text(&request, "HKEYS");
        request_add_text(&request, bench->workers[i].claimed);
        filler_send(bench->conn, &request);
    }
    for (size_t i = 0; i < bench->worker_count; i++) {
        struct reply *fields = filler_receive(bench->conn);
        note_held(&bench->workers[i], fields, clock_mono_us());
        reply_free(fields);
    }
    request_fini(&request);
}

static void watch(struct bench *bench)
{
    const struct timespec pause = {.tv_nsec = LOOK_US * 1000};
    int64_t wanted = counted(bench->conn, "done") + bench->jobs;
    int64_t deadline_ms = clock_mono_ms() + STUCK_MS;
    bench->released_us = clock_mono_us();
    commands_do(bench->conn, "RENAME", STOCK, QUEUE);
    while (counted(bench->conn, "done") < wanted) {
        ensure(clock_mono_ms() < deadline_ms, "the jobs do not end");
        look(bench);
        nanosleep(&pause, NULL);
    }
}

/* ---- what it comes to ---- */

static struct worker *worker_called(struct bench *bench, const char *name)
{
    for (size_t i = 0; i < bench->worker_count; i++)
        if (strcmp(bench->workers[i].name, name) == 0)
            return &bench->workers[i];
    ensure(false, "no worker is called %s", name);
    return NULL;
}

/* A line: W:number, start and end in us, place in the line. */
static void read_trace(struct bench *bench, const char *path)
{
    FILE *file = fopen(path, "r");
    ensure(file != NULL, "%s cannot be read", path);
    char line[512];
    int64_t count = 0;
    for (; fgets(line, sizeof line, file) != NULL; count++) {
        char *colon = strchr(line, ':');
        ensure(colon != NULL, "a line of the trace: %s", line);
        *colon = '\0';
        struct worker *worker = worker_called(bench, line);
        char *at = colon + 1;
        int64_t number = strtoll(at, &at, 10);
        struct run run = {.start_us = strtoll(at, &at, 10)};
        run.end_us = strtoll(at, &at, 10);
        int64_t place = strtoll(at, &at, 10);
        ensure(number > 0 && number < CLAIMS_MAX && place >= 0 && place < bench->jobs,
               "claim %lld of job %lld", (long long)number, (long long)place);
        ensure(bench->runs[place].end_us == 0, "job %lld ran twice", (long long)place);
        bench->runs[place] = run;
        worker->claims[number].start_us = run.start_us;
        worker->claims[number].end_us = run.end_us;
        bench->ended_us = run.end_us > bench->ended_us ? run.end_us : bench->ended_us;
    }
    fclose(file);
    ensure(count == bench->jobs, "%lld of %lld jobs ran", (long long)count, (long long)bench->jobs);
}

static int64_t ideal_us(const struct bench *bench)
{
    int64_t free_us[THREADS_MAX] = {0}, last_us = 0;
    size_t count = (size_t)bench->threads * bench->worker_count;
    ensure(count <= THREADS_MAX, "%zu threads", count);
    for (int64_t place = 0; place < bench->jobs; place++) {
        size_t next = 0;
        for (size_t i = 1; i < count; i++)
            next = free_us[i] < free_us[next] ? i : next;
        free_us[next] += bench->runs[place].end_us - bench->runs[place].start_us;
        last_us = free_us[next] > last_us ? free_us[next] : last_us;
    }
    return last_us;
}

struct edge {
    int64_t at_us;
    int step; /* +1: a run begins; -1: it ends */
};

static int by_time(const void *a, const void *b)
{
    const struct edge *left = a, *right = b;
    if (left->at_us != right->at_us)
        return left->at_us < right->at_us ? -1 : 1;
    return left->step - right->step;
}

/* Finds the stretches in which fewer than all of the worker's threads ran something. */
static void find_idle(const struct bench *bench, struct worker *worker)
{
    struct edge *edges = mem_array((size_t)worker->highest * 2 + 1, sizeof *edges);
    size_t count = 0;
    for (int64_t i = 1; i <= worker->highest; i++) {
        if (worker->claims[i].start_us == 0)
            continue;
        edges[count++] = (struct edge){worker->claims[i].start_us, 1};
        edges[count++] = (struct edge){worker->claims[i].end_us, -1};
    }
    qsort(edges, count, sizeof *edges, by_time);
    worker->idle = mem_array(count + 1, sizeof *worker->idle);
    int64_t running = 0, since_us = bench->released_us;
    for (size_t i = 0; i < count; i++) {
        bool was_idle = running < bench->threads;
        running += edges[i].step;
        bool is_idle = running < bench->threads;
        if (was_idle && !is_idle)
            worker->idle[worker->idle_count++] = (struct run){since_us, edges[i].at_us};
        else if (!was_idle && is_idle)
            since_us = edges[i].at_us;
    }
    worker->idle[worker->idle_count++] = (struct run){since_us, bench->ended_us};
    free(edges);
}

/* The longest stretch within from..to in which the worker had an idle thread. */
static int64_t longest_idle_us(const struct worker *worker, int64_t from_us, int64_t to_us)
{
    int64_t longest_us = 0;
    for (size_t i = 0; i < worker->idle_count && worker->idle[i].start_us < to_us; i++) {
        const struct run *idle = &worker->idle[i];
        int64_t begin_us = idle->start_us > from_us ? idle->start_us : from_us;
        int64_t end_us = idle->end_us < to_us ? idle->end_us : to_us;
        longest_us = end_us - begin_us > longest_us ? end_us - begin_us : longest_us;
    }
    return longest_us;
}

static int64_t stranded_us(struct bench *bench)
{
    int64_t longest_us = 0;
    for (size_t i = 0; i < bench->worker_count; i++)
        find_idle(bench, &bench->workers[i]);
    for (size_t i = 0; i < bench->worker_count; i++)
        for (int64_t number = 1; number <= bench->workers[i].highest; number++) {
            const struct claim_seen *claim = &bench->workers[i].claims[number];
            if (claim->first_us == 0) /* it came and went between two looks */
                continue;
            int64_t until_us = claim->start_us > 0 ? claim->start_us : claim->last_us;
            for (size_t j = 0; j < bench->worker_count; j++) {
                int64_t idle_us =
                    j == i ? 0 : longest_idle_us(&bench->workers[j], claim->first_us, until_us);
                longest_us = idle_us > longest_us ? idle_us : longest_us;
            }
        }
    return longest_us;
}

static void report(struct bench *bench, const char *name, int64_t returned)
{
    double makespan_us = (double)(bench->ended_us - bench->released_us);
    measure_print(name, "makespan", makespan_us / 1000);
    measure_print(name, "over", makespan_us / (double)ideal_us(bench) - 1);
    measure_print(name, "stranded", (double)stranded_us(bench) / 1000);
    measure_print(name, "returned", (double)returned);
}

int main(int argc, char **argv)
{
    ensure(argc == 10,
           "usage: mixture URL NAME mixed|phases TRACE THREADS LONG LONG_MS SHORT SHORT_MS");
    struct bench bench = {.conn = commands_connect(argv[1]),
                          .threads = measure_argument(argv[5]),
                          .jobs = measure_argument(argv[6]) + measure_argument(argv[8])};
    bench.runs = mem_array((size_t)bench.jobs, sizeof *bench.runs);
    int64_t returned = counted(bench.conn, "released");
    find_workers(&bench);
    fill(&bench, argv[3], argv + 6);
    watch(&bench);
    read_trace(&bench, argv[4]);
    report(&bench, argv[2], counted(bench.conn, "released") - returned);
    for (size_t i = 0; i < bench.worker_count; i++) {
        free(bench.workers[i].claims);
        free(bench.workers[i].idle);
    }
    free(bench.runs);
    conn_close(bench.conn);
    return 0;
}
