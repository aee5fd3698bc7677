/* rounds URL NAME LENGTH ROUNDS: how fast a worker that runs already empties a queue of LENGTH
 * jobs.
 *
 * The jobs are filled into another list first; renaming that to the queue `bench` is what the
 * worker waits for, and where the time begins. It ends when all are done. Prints NAME.rate and
 * NAME.redis_us over all rounds. */
#include "base/clock.h"
#include "support/commands.h"
#include "support/filler.h"
#include "support/measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_LEAST_US = 100, LOOK_MOST_US = 2000, STUCK_MS = 120000 };

#define QUEUE "darg:{bench}"
#define STOCK "{bench}stock"

static int64_t done(struct conn *conn)
{
    char *text = commands_text(conn, "HGET", QUEUE ":counts", "done");
    int64_t count = text == NULL ? 0 : strtoll(text, NULL, 10);
    free(text);
    return count;
}

static int64_t claims(struct conn *conn)
{
    static const char field[] = "cmdstat_hset:calls=";
    char *info = commands_text(conn, "INFO", "commandstats");
    const char *at = strstr(info, field);
    int64_t calls = at == NULL ? 0 : strtoll(at + strlen(field), NULL, 10);
    free(info);
    return calls;
}

/* A look costs Redis time, so a queue that takes long is looked at less often. */
static void wait_done(struct conn *conn, int64_t wanted, int64_t length)
{
    int64_t look_us = LOOK_LEAST_US + length / 1000;
    look_us = look_us < LOOK_MOST_US ? look_us : LOOK_MOST_US;
    const struct timespec pause = {.tv_nsec = look_us * 1000};
    int64_t deadline_ms = clock_mono_ms() + STUCK_MS, reached;
    while ((reached = done(conn)) < wanted) {
        ensure(clock_mono_ms() < deadline_ms, "%lld jobs are missing",
               (long long)(wanted - reached));
        nanosleep(&pause, NULL);
    }
    ensure(reached == wanted, "%lld jobs too many are done", (long long)(reached - wanted));
}

int main(int argc, char **argv)
{
    ensure(argc == 5, "usage: rounds URL NAME LENGTH ROUNDS");
    struct conn *conn = commands_connect(argv[1]);
    int64_t length = measure_argument(argv[3]), rounds = measure_argument(argv[4]);
    int64_t span_us = 0, redis_us = 0, claims_before = claims(conn);
    for (int64_t i = 0; i < rounds; i++) {
        struct measure measure;
        int64_t wanted = done(conn) + length;
        filler_push(conn, STOCK, length, FILLER_PAYLOAD);
        measure_begin(&measure, conn);
        commands_do(conn, "RENAME", STOCK, QUEUE);
        wait_done(conn, wanted, length);
        measure_add(&measure, &span_us, &redis_us);
    }
    measure_report(argv[2], length * rounds, span_us, redis_us);
    measure_print(argv[2], "batch",
                  (double)(length * rounds) / (double)(claims(conn) - claims_before));
    conn_close(conn);
    return 0;
}
