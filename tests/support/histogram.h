/* histogram - how often each duration was seen, to the microsecond, in memory that processes may
 * share. */
#ifndef DARG_TESTS_SUPPORT_HISTOGRAM_H
#define DARG_TESTS_SUPPORT_HISTOGRAM_H

#include <stdint.h>

struct histogram;

/* Maps the file, making it if there is none; NULL: memory of this process. Aborts if it cannot. */
struct histogram *histogram_open(const char *path);
void histogram_close(struct histogram *histogram);

/* Any thread. Durations beyond a second count as one. */
void histogram_add(struct histogram *histogram, int64_t duration_us);

int64_t histogram_count(const struct histogram *histogram);

/* Prints NAME.p50, NAME.p99 and NAME.p999, as measure_print() does. Aborts if it is empty. */
void histogram_print(const struct histogram *histogram, const char *name);

/* Forgets everything; nobody may add meanwhile. */
void histogram_clear(struct histogram *histogram);

#endif
