/* One thread, one poll(), no connection: whatever could hang or die with Redis, a handler or a
 * library runs in the children, so there is always something to replace them, to answer --health
 * and to follow a signal. Signals arrive through a signalfd, as events among others, not as
 * handlers in the middle of anything. */
#include "worker/process/supervisor_state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/process/health.h"
#include "worker/process/worker.h"

/* --- the loop ------------------------------------------------------------------------------ */

/* Two TERMs at once count as one: `timeout` sends it to a program and to its group. */
static void stop(struct supervisor *self, int number)
{
    int64_t now_ms = clock_mono_ms();
    bool is_first = self->stopped_ms == 0;
    if (!is_first && now_ms - self->stopped_ms <= WORKER_ONE_STOP_MS) {
        log_printf(LOG_INFO, "the same signal twice in a row: counted once");
        return;
    }
    if (is_first)
        self->stopped_ms = now_ms;
    self->tuning->is_hurried = !is_first;
    self->is_stopping = true;
    supervisor_tell_stopping(self);
    supervisor_tell_children(self, number);
}

static void act_on_signal(struct supervisor *self, int number)
{
    if (number == SIGCHLD) {
        supervisor_collect(self);
        return;
    }
    if (supervisor_is_stop(number)) {
        stop(self, number);
        return;
    }
    if (number == SIGHUP) {
        struct err err = {0};
        if (log_reopen(&err) != ST_OK)
            log_printf(LOG_ERROR, "HUP: %s: logging continues in the old file; trying again later",
                       err_text(&err));
        supervisor_reload(self);
    }
    /* Reload before passing it on: a child that gets HUP adopts what is in the shared memory
     * then. */
    supervisor_tell_children(self, number);
}

static bool any_left(const struct supervisor *self)
{
    for (size_t i = 0; i < self->child_count; i++) {
        const struct child *child = &self->children[i];
        if (child->pid > 0 || (child->restart_ms > 0 && !self->is_stopping))
            return true;
    }
    return false;
}

/* Starts the children that are due; returns the ms until the next is; -1: none is. */
static int start_due(struct supervisor *self)
{
    int64_t next_ms = -1;
    for (size_t i = 0; i < self->child_count && !self->is_stopping; i++) {
        struct child *child = &self->children[i];
        if (child->pid > 0 || child->restart_ms == 0)
            continue;
        if (child->restart_ms <= clock_mono_ms())
            supervisor_start_child(self, child);
        int64_t left_ms = child->pid > 0 ? -1 : child->restart_ms - clock_mono_ms();
        if (child->pid == 0 && (next_ms < 0 || left_ms < next_ms))
            next_ms = left_ms > 0 ? left_ms : 0;
    }
    return (int)next_ms;
}

static void attend(struct supervisor *self, struct pollfd *fds, int timeout_ms)
{
    size_t count = self->child_count;
    fds[count] = (struct pollfd){.fd = self->signal_fd, .events = POLLIN};
    for (size_t i = 0; i < HEALTH_PLACES; i++)
        fds[count + 1 + i] = (struct pollfd){.fd = self->health.fds[i], .events = POLLIN};
    for (size_t i = 0; i < self->child_count; i++)
        fds[i] = (struct pollfd){.fd = self->children[i].report_fd, .events = POLLIN};
    (void)poll(fds, (nfds_t)(count + 1 + HEALTH_PLACES), timeout_ms);
    for (size_t i = 0; i < self->child_count; i++)
        if (fds[i].revents && self->children[i].report_fd == fds[i].fd)
            supervisor_read_report(self, &self->children[i]);
    if (fds[count + 1].revents || fds[count + 2].revents)
        supervisor_answer_health(self);
    struct signalfd_siginfo info;
    while (read(self->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        act_on_signal(self, (int)info.ssi_signo);
}

static bool take_signals(struct supervisor *self)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGTSTP, SIGCONT, SIGTTIN, SIGHUP, SIGCHLD};
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        sigaddset(&signals, taken[i]);
    /* Signals that the kernel sends to a writer: a write that fails is enough. With SIGTTOU
     * ignored, a write to a terminal that stops background writers succeeds. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    /* It may have been inherited as ignored; then children could not be waited for. */
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signal_fd < 0)
        log_printf(LOG_ERROR, "cannot read signals: %s", strerror(errno));
    return self->signal_fd >= 0;
}

static void supervise(struct supervisor *self)
{
    struct pollfd *fds = mem_array(self->child_count + 1 + HEALTH_PLACES, sizeof *fds);
    supervisor_tell_starting(self);
    while (any_left(self)) {
        int start_ms = start_due(self), beat_ms = supervisor_beat(self);
        bool beats_first = beat_ms >= 0 && (start_ms < 0 || beat_ms < start_ms);
        attend(self, fds, beats_first ? beat_ms : start_ms);
    }
    supervisor_tell_stopping(self);
    free(fds);
}

int supervisor_run(const struct worker_options *options, const struct cgroup_place *place)
{
    struct supervisor self = {
        .options = options,
        .place = place,
        .started_ms = clock_mono_ms(),
        .child_count = (size_t)options->processes,
        .sweeper = {.fd = -1},
    };
    if (!take_signals(&self))
        return 1;
    self.tuning = tuning_new(options->queue_count);
    if (!self.tuning) {
        log_printf(LOG_ERROR, "no shared memory: %s", strerror(errno));
        return 1;
    }
    supervisor_tune(&self, options);
    supervisor_prepare_children(&self);
    health_listen(&self.health, options->health_name);
    cgroup_place_tell(place);
    supervise(&self);
    sweeper_end(&self.sweeper);
    health_close(&self.health);
    if (self.dead_count > 0 && self.exit_code == 0) {
        log_printf(LOG_ERROR, "could not give back a dead worker process's jobs: they are "
                              "recovered when its lease expires");
        self.exit_code = 1;
    }
    while (self.dead_count > 0)
        supervisor_forget_dead(&self, self.dead[0].process);
    for (size_t i = 0; i < self.child_count; i++) {
        load_free(self.children[i].load);
        pulse_free(self.children[i].pulse);
        roster_free(self.children[i].roster);
    }
    free(self.children);
    tuning_free(self.tuning);
    close(self.signal_fd);
    return self.exit_code;
}
