/* For LD_PRELOAD: a wall clock that is ahead of the true one by as many seconds as the file that
 * $TEST_CLOCK names holds, an int64_t, which may change at any time. (libfaketime cannot be loaded
 * into a redis-server with jemalloc.) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic(const int64_t *) shared;

static int64_t ahead(void)
{
    const int64_t *offset = atomic_load(&shared);
    const char *path = offset ? NULL : getenv("TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *map = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
        offset = map == MAP_FAILED ? NULL : map;
        close(fd);
        atomic_store(&shared, offset);
    }
    return offset ? *(const volatile int64_t *)offset : 0;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    long failed = syscall(SYS_clock_gettime, id, now);
    if (failed == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += (time_t)ahead();
    return (int)failed;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec precise;
    (void)zone;
    int failed = clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
    return failed;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
