/* What the supervisor tells the outside world: --ready-fd, the service manager, and --health. */
#include "worker/process/supervisor_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/process/health.h"
#include "worker/process/notify.h"

enum {
    END_MS = 15 * 1000, /* what the end may take beyond --shutdown-timeout */
    BEATS = 2,          /* within the interval in which the manager expects one */
};

static size_t count_ready(const struct supervisor *self)
{
    size_t ready = 0;
    for (size_t i = 0; i < self->child_count; i++)
        ready += self->children[i].is_ready;
    return ready;
}

static void write_ready(const struct supervisor *self)
{
    if (self->options->ready_fd >= 0 && write((int)self->options->ready_fd, "\n", 1) != 1)
        log_printf(LOG_WARN, "cannot write to --ready-fd %lld: %s",
                   (long long)self->options->ready_fd, strerror(errno));
}

void supervisor_tell_ready(struct supervisor *self)
{
    if (count_ready(self) < self->child_count)
        return;
    if (!self->has_told_ready)
        write_ready(self);
    if (!self->is_stopping)
        notify_state(self->has_told_ready ? "STATUS=fetching jobs"
                                          : "READY=1\nSTATUS=fetching jobs");
    self->has_told_ready = true;
}

void supervisor_tell_starting(struct supervisor *self)
{
    notify_state("STATUS=starting: waiting for Redis");
    self->watchdog_ms = notify_watchdog_ms();
}

void supervisor_tell_stopping(struct supervisor *self)
{
    char lines[160];
    if (self->has_told_stopping)
        return;
    self->has_told_stopping = true;
    /* Asks for more time, because the unit's TimeoutStopSec may be shorter than
     * --shutdown-timeout. */
    snprintf(lines, sizeof lines,
             "STOPPING=1\nSTATUS=finishing what runs\nEXTEND_TIMEOUT_USEC=%" PRId64,
             (self->tuning->shutdown_timeout_ms + END_MS) * 1000);
    notify_state(lines);
}

void supervisor_tell_death(struct supervisor *self)
{
    if (!self->is_stopping)
        notify_state("STATUS=a worker process has died: starting another");
}

/* The child that is worst off counts for all. Those that have ended as they should are left out. */
static struct health judge(const struct supervisor *self)
{
    struct health worst = {.age_ms = 0};
    for (size_t i = 0; i < self->child_count; i++) {
        const struct child *child = &self->children[i];
        if (child->pid == 0 && child->restart_ms == 0)
            continue;
        int64_t age_ms = child->pulse ? pulse_age_ms(child->pulse) : PULSE_NEVER;
        enum status outage = ST_OK;
        int64_t outage_ms = child->pulse ? pulse_outage_ms(child->pulse, &outage) : 0;
        if (age_ms == PULSE_NEVER || (worst.age_ms != PULSE_NEVER && age_ms >= worst.age_ms)) {
            worst.age_ms = age_ms;
            worst.pid = child->pid;
        }
        if (outage_ms > worst.outage_ms) {
            worst.outage_ms = outage_ms;
            worst.outage = outage;
        }
    }
    return worst;
}

int supervisor_beat(struct supervisor *self)
{
    if (self->watchdog_ms == 0)
        return -1;
    int64_t now_ms = clock_mono_ms(), pause_ms = self->watchdog_ms / BEATS;
    if (now_ms >= self->beat_ms) {
        struct health health = judge(self);
        if (health.age_ms != PULSE_NEVER && health.age_ms <= self->tuning->health_age_ms)
            notify_state("WATCHDOG=1");
        self->beat_ms = now_ms + (pause_ms > 0 ? pause_ms : 1);
    }
    return (int)(self->beat_ms - now_ms);
}

void supervisor_answer_health(const struct supervisor *self)
{
    struct health health = judge(self);
    health_answer(&self->health, &health);
}
