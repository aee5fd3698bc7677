/* measure - what the benchmarks share: Redis's CPU time, their output, and orderly numbers.
 *
 * A benchmark prints a line for each number, "NAME<tab>VALUE"; tests/bench/run collects them. One
 * thread only. */
#ifndef DARG_TESTS_SUPPORT_MEASURE_H
#define DARG_TESTS_SUPPORT_MEASURE_H

#include <stdint.h>

#include "redis/conn.h"

/* CPU time that the server has used so far, user and system. */
int64_t measure_redis_cpu_us(struct conn *conn);

/* A stretch of work: begun, then reported per item. */
struct measure {
    struct conn *conn;
    int64_t start_us, redis_start_us;
};
void measure_begin(struct measure *measure, struct conn *conn);

/* Prints NAME.rate (items a second) and NAME.redis_us (Redis's CPU time for an item). */
void measure_end(const struct measure *measure, const char *name, int64_t items);

/* The same in two steps, for stretches that count together: adds what the stretch took; prints. */
void measure_add(const struct measure *measure, int64_t *span_us, int64_t *redis_us);
void measure_report(const char *name, int64_t items, int64_t span_us, int64_t redis_us);

/* Prints NAME.SUFFIX. */
void measure_print(const char *name, const char *suffix, double value);

/* A number from the command line; ends the program if it is none. */
int64_t measure_argument(const char *text);

#endif
