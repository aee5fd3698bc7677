/* The thread: it gathers endings into large calls, sets aside what Redis refuses, and ends once the
 * ring is closed and empty. */
#include "worker/flow/finisher_state.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum {
    GATHER_ENOUGH = SETTLE_MAX / 2, /* endings: a call this large is sent at once */
    GATHER_MAX_US = 2000, /* how long an ending may wait for others while the pool is busy */
    GATHER_POLL_US = 200,
    COUNT_MAX_US = 20000, /* the same for jobs that are only to be counted */
    COUNT_POLL_US = 2000,
    MAX_REPLY_BYTES = 1 << 20, /* no reply comes near this */
};

/* A popped job that is plainly done: Redis keeps nothing of it and nobody waits for it. */
static bool is_only_counted(const struct task *task)
{
    return !task->ending && task->batch->session->is_at_most_once;
}

/* Waits for an ending, then, while the pool has work waiting, a little longer for more - longer
 * still if the jobs need only be counted.
 *
 * It sleeps and looks again instead of being woken by each ending: with jobs of microseconds, a
 * wake-up for each would cost the pool more than the jobs do. And it waits only while the pool is
 * busy: with nothing else to run, the wait would only add to the job's latency. */
static size_t gather(struct finisher *self, int64_t timeout_ms)
{
    struct ring *endings = self->options.endings;
    struct task *task = ring_take(endings, timeout_ms);
    if (!task)
        return 0;
    size_t count = 0;
    int64_t since_us = clock_mono_us();
    bool is_patient = true;
    for (;;) {
        for (; task && count < SETTLE_MAX;
             task = count < SETTLE_MAX ? ring_try_take(endings) : NULL) {
            is_patient = is_patient && is_only_counted(task);
            self->gathered[count++] = task;
        }
        bool is_busy = is_patient || ring_count(self->options.tasks) > 0;
        if (count >= GATHER_ENOUGH || !is_busy || ring_is_closed(endings) ||
            clock_mono_us() - since_us > (is_patient ? COUNT_MAX_US : GATHER_MAX_US))
            return count;
        struct timespec pause = {.tv_nsec = (is_patient ? COUNT_POLL_US : GATHER_POLL_US) * 1000L};
        nanosleep(&pause, NULL);
        task = ring_try_take(endings);
    }
}

/* Tries once more what was set aside, a batch at a time; what is refused again is set aside again.
 * It is never given up: a job that has run must not run again because somebody's key had the wrong
 * type. */
static void retry_stuck(struct finisher *self)
{
    size_t left = self->stuck_count;
    while (left > 0) {
        size_t count = left < SETTLE_MAX ? left : SETTLE_MAX;
        memcpy(self->gathered, self->stuck, count * sizeof(struct task *));
        self->stuck_count -= count;
        memmove(self->stuck, self->stuck + count, self->stuck_count * sizeof(struct task *));
        left -= count;
        finisher_settle(self, count);
    }
    self->stuck_retry_ms = clock_mono_ms() + FINISHER_PAUSE_MS;
}

static void *finisher_main(void *argument)
{
    struct finisher *self = argument;
    pthread_setname_np(pthread_self(), "finisher");
    for (;;) {
        int64_t until_ms = self->stuck_retry_ms - clock_mono_ms();
        size_t count = gather(self, self->stuck_count == 0 ? -1 : until_ms > 0 ? until_ms : 0);
        bool is_last = count == 0 && ring_is_closed(self->options.endings);
        finisher_settle(self, count);
        if (self->stuck_count > 0 && (is_last || clock_mono_ms() >= self->stuck_retry_ms))
            retry_stuck(self);
        if (is_last)
            break;
    }
    self->left += self->stuck_count;
    wake_set(&self->ended);
    return NULL;
}

enum status finisher_start(const struct finisher_options *options, struct finisher **out,
                           struct err *err)
{
    struct finisher *self = mem_new(sizeof *self);
    self->options = *options;
    self->ended.fd = self->give_up.fd = -1;
    enum status status = wake_init(&self->give_up, err);
    if (status == ST_OK)
        status = wake_init(&self->ended, err);
    if (status != ST_OK) {
        wake_fini(&self->give_up);
        free(self);
        return status;
    }
    struct conn_options conn = *options->conn;
    conn.max_reply_bytes = MAX_REPLY_BYTES;
    self->conn = conn_open(&conn);
    int failed = pthread_create(&self->thread, NULL, finisher_main, self);
    if (failed) {
        conn_close(self->conn);
        wake_fini(&self->give_up);
        wake_fini(&self->ended);
        free(self);
        return err_system(err, failed, "cannot start the finisher's thread");
    }
    *out = self;
    return ST_OK;
}

size_t finisher_stop(struct finisher *self, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_mono_ms();
    conn_limit(self->conn, deadline_ms);
    /* Not pthread_timedjoin_np(): its deadline is on the wall clock, which may be set meanwhile. */
    if (!wake_wait(&self->ended, left_ms > 0 ? left_ms : 0))
        wake_set(&self->give_up);
    pthread_join(self->thread, NULL);
    size_t left = self->left;
    free(self->stuck);
    conn_close(self->conn);
    request_fini(&self->request);
    wake_fini(&self->give_up);
    wake_fini(&self->ended);
    free(self);
    return left;
}
