/* measure - what benchmarks share: Redis's CPU time, and the format of their output.
 *
 * A benchmark prints one line per number, "NAME<tab>VALUE"; tests/bench/run collects them. One
 * thread only. */
#ifndef DARG_TESTS_SUPPORT_MEASURE_H
#define DARG_TESTS_SUPPORT_MEASURE_H

#include <stdint.h>

#include "redis/conn.h"

/* CPU time that the server has used so far, user and system. */
int64_t measure_redis_cpu_us(struct conn *conn);

/* A stretch of work, reported per item. */
struct measure {
    struct conn *conn;
    int64_t start_us, redis_start_us;
};
void measure_begin(struct measure *measure, struct conn *conn);

/* Prints NAME.rate (items per second) and NAME.redis_us (Redis's CPU time per item). */
void measure_end(const struct measure *measure, const char *name, int64_t items);

/* The same in two steps, for several stretches: add what each took; print. */
void measure_add(const struct measure *measure, int64_t *span_us, int64_t *redis_us);
void measure_report(const char *name, int64_t items, int64_t span_us, int64_t redis_us);

/* Prints NAME.SUFFIX. */
void measure_print(const char *name, const char *suffix, double value);

/* A number from the command line; ends the program if it is not one. */
int64_t measure_argument(const char *text);

#endif
