/* The supervisor's children: their start, their reports, their end. */
#include "worker/process/supervisor_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/process/worker.h"

enum {
    BACKOFF_FIRST_MS = 100, /* before a dead child is replaced: doubles up to ... */
    BACKOFF_LIMIT_MS = 10 * 1000,
    QUICK_DEATHS_FREE = 10, /* deaths in a row of a child that had been ready, without a pause */
    STEADY_MS = 30 * 1000,  /* a child that lived this long resets the backoff */
    EXIT_REFUSED = 3,
};

static _Noreturn void be_child(struct supervisor *self, struct child *child, int report_fd,
                               pid_t parent)
{
    /* If the supervisor dies, the kernel sends TERM to the worker, which ends in good order. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        raise(SIGTERM);
    /* So that Ctrl-C at a terminal reaches the supervisor alone, which passes it on once. */
    setpgid(0, 0);
    close(self->signal_fd);
    health_forget(&self->health);
    if (self->options->ready_fd >= 0)
        close((int)self->options->ready_fd);
    for (size_t i = 0; i < self->child_count; i++)
        if (self->children[i].report_fd >= 0)
            close(self->children[i].report_fd);
    struct worker_birth birth = {
        .process = child->process,
        .started_ms = self->started_ms,
        .is_first = !self->was_let_in,
        .report_fd = report_fd,
        .load = child->load,
        .pulse = child->pulse,
        .tuning = self->tuning,
        .place = self->place,
        .roster = child->roster,
        .dead = self->dead,
        .dead_count = self->dead_count,
    };
    exit(worker_run(self->options, &birth));
}

/* Kills what the programs of a dead child have left running, and logs what it could not kill. */
static void end_programs(const struct child *child)
{
    struct roster_rest rest = roster_end(child->roster);
    if (rest.refused > 0)
        log_fields(LOG_WARN,
                   "processes started by programs of a dead worker process cannot be killed and "
                   "keep running",
                   LOG_STR("process", child->process), LOG_INT("count", (int64_t)rest.refused));
    if (rest.unsure > 0)
        log_fields(LOG_WARN,
                   "processes may belong to programs of a dead worker process, but nothing proves "
                   "it: left alone",
                   LOG_STR("process", child->process), LOG_INT("count", (int64_t)rest.unsure));
}

void supervisor_start_child(struct supervisor *self, struct child *child)
{
    int report[2];
    lease_process_name(child->process);
    child->restart_ms = clock_mono_ms() + BACKOFF_LIMIT_MS;
    load_free(child->load);
    child->load = load_new((size_t)self->options->threads, self->options->queue_count);
    if (!child->pulse)
        child->pulse = pulse_new(self->options->queue_count);
    if (!child->load || !child->pulse) {
        log_printf(LOG_ERROR, "no shared memory for a worker process: %s", strerror(errno));
        return;
    }
    if (pipe2(report, O_CLOEXEC) < 0) {
        log_printf(LOG_ERROR, "cannot make a pipe for a worker process: %s", strerror(errno));
        return;
    }
    pulse_restart(child->pulse);
    /* Before the successor is forked, not after: it may run the very jobs that these programs
     * belong to. */
    end_programs(child);
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(report[0]);
        be_child(self, child, report[1], parent);
    }
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        log_printf(LOG_ERROR, "cannot start a worker process: %s", strerror(errno));
        return;
    }
    fcntl(report[0], F_SETFL, O_NONBLOCK);
    child->pid = pid;
    child->report_fd = report[0];
    child->started_ms = clock_mono_ms();
    child->restart_ms = 0;
    child->is_ready = false;
    child->told_code = -1;
}

void supervisor_forget_dead(struct supervisor *self, const char *process)
{
    for (size_t i = 0; i < self->dead_count; i++)
        if (strcmp(self->dead[i].process, process) == 0) {
            free(self->dead[i].process);
            load_free(self->dead[i].load);
            self->dead[i] = self->dead[--self->dead_count];
            return;
        }
}

/* The dead child's `load` is kept with its name until its jobs are recovered: it says what the
 * threads were running, and so which jobs to blame. The new child gets new memory instead of this,
 * because nobody has cleared it. */
static void remember_dead(struct supervisor *self, struct child *child)
{
    if (self->dead_count == SUPERVISOR_DEAD_MAX)
        supervisor_forget_dead(self, self->dead[0].process); /* the oldest is left to its lease */
    self->dead[self->dead_count++] =
        (struct obituary){.process = mem_dup(child->process), .load = child->load};
    child->load = NULL;
}

static void act_on_line(struct supervisor *self, struct child *child, char *line)
{
    if (strcmp(line, "let in") == 0)
        self->was_let_in = true;
    else if (strcmp(line, "ready") == 0)
        child->is_ready = self->was_let_in = true;
    else if (strncmp(line, "reaped ", 7) == 0)
        supervisor_forget_dead(self, line + 7);
    else if (strncmp(line, "ended ", 6) == 0)
        child->told_code = (int)strtol(line + 6, NULL, 10);
}

/* Reads a child's reports: whole lines, each written with one small write. A pipe and not shared
 * memory: it also reaches its end when the child dies, and what was said before is still read. */
void supervisor_read_report(struct supervisor *self, struct child *child)
{
    char text[4096];
    ssize_t len = read(child->report_fd, text, sizeof text - 1);
    if (len <= 0) {
        if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(child->report_fd);
            child->report_fd = -1;
        }
        return;
    }
    text[len] = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        act_on_line(self, child, line);
    supervisor_tell_ready(self);
}

static void describe_end(const struct child *child, int wait_status, char *out, size_t size)
{
    if (WIFSIGNALED(wait_status))
        snprintf(out, size, "killed by signal %d (%s)", WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
    else
        snprintf(out, size, "exit code %d%s", WEXITSTATUS(wait_status),
                 child->told_code < 0 ? ", in the middle of its work" : "");
}

bool supervisor_is_stop(int signal_number)
{
    return signal_number == SIGTERM || signal_number == SIGINT;
}

/* SIGCONT as well, so that a stopped child receives the order to end; a child that already got it
 * ignores SIGCONT. */
void supervisor_tell_children(struct supervisor *self, int signal_number)
{
    for (size_t i = 0; i < self->child_count; i++) {
        if (self->children[i].pid <= 0)
            continue;
        kill(self->children[i].pid, signal_number);
        if (supervisor_is_stop(signal_number))
            kill(self->children[i].pid, SIGCONT);
    }
}

/* A child that had got to work is replaced at once, a few times in a row, because its successor
 * recovers the jobs that it held. */
static int64_t restart_pause_ms(struct child *child, int64_t now_ms)
{
    if (now_ms - child->started_ms > STEADY_MS)
        child->quick_deaths = 0;
    child->quick_deaths++;
    int doublings = child->quick_deaths - (child->is_ready ? QUICK_DEATHS_FREE : 1);
    int64_t pause_ms = doublings > 0 ? BACKOFF_FIRST_MS : 0;
    while (--doublings > 0 && pause_ms < BACKOFF_LIMIT_MS)
        pause_ms *= 2;
    return pause_ms < BACKOFF_LIMIT_MS ? pause_ms : BACKOFF_LIMIT_MS;
}

static void schedule_restart(struct supervisor *self, struct child *child, const char *end)
{
    int64_t now_ms = clock_mono_ms();
    int64_t pause_ms = restart_pause_ms(child, now_ms);
    child->restart_ms = now_ms + pause_ms;
    log_fields(LOG_ERROR, "a worker process has died: starting another",
               LOG_STR("process", child->process), LOG_STR("end", end),
               LOG_INT("pause_ms", pause_ms));
    remember_dead(self, child);
    supervisor_tell_death(self);
}

static void child_ended(struct supervisor *self, struct child *child, int wait_status)
{
    if (child->report_fd >= 0)
        supervisor_read_report(self, child);
    bool has_come_to_its_end =
        WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == child->told_code;
    int code = has_come_to_its_end ? child->told_code : -1;
    if (child->report_fd >= 0)
        close(child->report_fd);
    child->report_fd = -1;
    child->pid = 0;
    child->restart_ms = 0;
    if (code == 0)
        return;
    char end[128];
    describe_end(child, wait_status, end, sizeof end);
    if (code == EXIT_REFUSED && !self->was_let_in) {
        /* Another child would be refused as well. */
        self->exit_code = code;
        self->is_stopping = true;
        supervisor_tell_stopping(self);
        supervisor_tell_children(self, SIGTERM);
    } else if (self->is_stopping) {
        log_fields(LOG_ERROR, "a worker process failed", LOG_STR("process", child->process),
                   LOG_STR("end", end));
        self->exit_code = 1;
    } else {
        schedule_restart(self, child, end);
    }
}

void supervisor_collect(struct supervisor *self)
{
    int wait_status;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
        for (size_t i = 0; i < self->child_count; i++)
            if (self->children[i].pid == pid) {
                cgroup_place_sweep(self->place);
                end_programs(&self->children[i]);
                child_ended(self, &self->children[i], wait_status);
            }
}

/* No sweeper is needed with control groups, or if this is PID 1: then nothing survives that would
 * have to be found after the supervisor's own death. */
void supervisor_prepare_children(struct supervisor *self)
{
    size_t programs = registry_count_programs(self->options->registry);
    struct roster **rosters = mem_array(self->child_count, sizeof *rosters);
    self->children = mem_array(self->child_count, sizeof *self->children);
    bool is_complete = programs > 0;
    for (size_t i = 0; i < self->child_count; i++) {
        if (programs > 0)
            rosters[i] = roster_new((size_t)self->options->threads * programs);
        is_complete = is_complete && rosters[i];
        self->children[i] = (struct child){.report_fd = -1, .restart_ms = 1, .roster = rosters[i]};
    }
    if (programs > 0 && !self->place && !roster_can_look())
        log_printf(LOG_WARN, "/proc belongs to another pid namespace: if a worker process dies, "
                             "whatever its programs started in other process groups keeps running");
    if (is_complete && !self->place && getpid() != 1)
        sweeper_start(&self->sweeper, rosters, self->child_count);
    free(rosters);
}
