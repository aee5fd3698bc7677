/* histogram - counts durations, to the microsecond, in memory that processes can share. */
#ifndef DARG_TESTS_SUPPORT_HISTOGRAM_H
#define DARG_TESTS_SUPPORT_HISTOGRAM_H

#include <stdint.h>

struct histogram;

/* Maps the file, creating it if necessary; NULL: private memory. Aborts if it cannot. */
struct histogram *histogram_open(const char *path);
void histogram_close(struct histogram *histogram);

/* Any thread. Durations of more than a second count as a second. */
void histogram_add(struct histogram *histogram, int64_t duration_us);

int64_t histogram_count(const struct histogram *histogram);

/* Prints NAME.p50, NAME.p99 and NAME.p999 with measure_print(). Aborts if it is empty. */
void histogram_print(const struct histogram *histogram, const char *name);

/* Clears it; no thread may add meanwhile. */
void histogram_clear(struct histogram *histogram);

#endif
