/* How long an idle worker takes from a push to the reply in the producer's hand.
 *
 *   reply URL worker N   an echo job for the worker of queue `bench`, which runs already
 *   reply URL raw N      the same round trip with a bare BRPOP and LPUSH in place of a worker
 *
 * The pause before each push lets the other side go back to its wait. */
#include "base/clock.h"
#include "support/commands.h"
#include "support/histogram.h"
#include "support/measure.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAUSE_MS = 2, WARM_UP = 50 };

#define RAW_LINE "raw:echo"
#define RAW_REPLY "raw:reply"
#define END_MARK "end"

static void *echo(void *argument)
{
    struct conn *conn = argument;
    for (bool is_over = false; !is_over;) {
        struct reply *reply = commands_run(conn, "BRPOP", RAW_LINE, "0");
        char *job = slice_dup(reply_slice(reply_at(reply, 1)));
        is_over = strcmp(job, END_MARK) == 0;
        commands_do(conn, "LPUSH", RAW_REPLY, job);
        free(job);
        reply_free(reply);
    }
    return NULL;
}

static int64_t round_trip_us(struct conn *conn, const char *line, const char *job,
                             const char *reply_list)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    nanosleep(&pause, NULL);
    int64_t start_us = clock_mono_us();
    commands_do(conn, "LPUSH", line, job);
    struct reply *reply = commands_run(conn, "BLPOP", reply_list, "5");
    int64_t span_us = clock_mono_us() - start_us;
    ensure(reply_count(reply) == 2, "no reply within 5 s");
    reply_free(reply);
    return span_us;
}

static void measure_round_trips(struct conn *conn, const char *name, const char *const *how,
                                int64_t count)
{
    struct histogram *durations = histogram_open(NULL);
    for (int i = 0; i < WARM_UP; i++)
        (void)round_trip_us(conn, how[0], how[1], how[2]);
    for (int64_t i = 0; i < count; i++)
        histogram_add(durations, round_trip_us(conn, how[0], how[1], how[2]));
    histogram_print(durations, name);
    histogram_close(durations);
}

static void measure_raw(struct conn *conn, const char *url, int64_t count)
{
    static const char *const how[] = {RAW_LINE, "{\"type\":\"echo\"}", RAW_REPLY};
    pthread_t thread;
    struct conn *other = commands_connect(url);
    ensure(pthread_create(&thread, NULL, echo, other) == 0, "no thread");
    measure_round_trips(conn, "raw_reply", how, count);
    commands_do(conn, "LPUSH", RAW_LINE, END_MARK);
    pthread_join(thread, NULL);
    commands_do(conn, "DEL", RAW_REPLY);
    conn_close(other);
}

static void measure_worker(struct conn *conn, int64_t count)
{
    static const char *const how[] = {"darg:{bench}",
                                      "{\"type\":\"echo\",\"args\":1,\"reply\":\"bench\"}",
                                      "darg:{bench}:reply:bench"};
    measure_round_trips(conn, "reply", how, count);
}

int main(int argc, char **argv)
{
    ensure(argc == 4, "usage: reply URL worker|raw N");
    int64_t count = measure_argument(argv[3]);
    struct conn *conn = commands_connect(argv[1]);
    if (strcmp(argv[2], "raw") == 0)
        measure_raw(conn, argv[1], count);
    else
        measure_worker(conn, count);
    conn_close(conn);
    return 0;
}
