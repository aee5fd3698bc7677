#include "support/histogram.h"

#include "base/err.h"
#include "support/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LIMIT_US = 1000000 };

struct histogram {
    _Atomic uint32_t seen[LIMIT_US + 1]; /* index: duration in us */
};

struct histogram *histogram_open(const char *path)
{
    struct histogram *histogram;
    int fd = -1;
    if (path != NULL) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ensure(fd >= 0 && ftruncate(fd, sizeof *histogram) == 0, "%s: %s", path, strerror(errno));
    }
    int flags = path != NULL ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    histogram = mmap(NULL, sizeof *histogram, PROT_READ | PROT_WRITE, flags, fd, 0);
    ensure(histogram != MAP_FAILED, "mmap: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return histogram;
}

void histogram_close(struct histogram *histogram)
{
    munmap(histogram, sizeof *histogram);
}

void histogram_add(struct histogram *histogram, int64_t duration_us)
{
    int64_t at = duration_us < 0 ? 0 : duration_us > LIMIT_US ? LIMIT_US : duration_us;
    atomic_fetch_add_explicit(&histogram->seen[at], 1, memory_order_relaxed);
}

int64_t histogram_count(const struct histogram *histogram)
{
    int64_t count = 0;
    for (size_t i = 0; i <= LIMIT_US; i++)
        count += atomic_load_explicit(&histogram->seen[i], memory_order_relaxed);
    return count;
}

/* The duration that `per_mille` of all do not exceed, in us. */
static int64_t quantile_us(const struct histogram *histogram, int64_t count, int64_t per_mille)
{
    int64_t passed = 0;
    for (int64_t i = 0; i <= LIMIT_US; i++) {
        passed += atomic_load_explicit(&histogram->seen[i], memory_order_relaxed);
        if (passed * 1000 >= count * per_mille)
            return i;
    }
    return LIMIT_US;
}

void histogram_print(const struct histogram *histogram, const char *name)
{
    int64_t count = histogram_count(histogram);
    ensure(count > 0, "nothing was measured");
    measure_print(name, "p50", (double)quantile_us(histogram, count, 500));
    measure_print(name, "p99", (double)quantile_us(histogram, count, 990));
    measure_print(name, "p999", (double)quantile_us(histogram, count, 999));
}

void histogram_clear(struct histogram *histogram)
{
    memset((void *)histogram, 0, sizeof *histogram);
}
