/* supervisor_state - what the files of the supervisor share: its state. Included by supervisor*.c
 * only. */
#ifndef DARG_WORKER_PROCESS_SUPERVISOR_STATE_H
#define DARG_WORKER_PROCESS_SUPERVISOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "queue/lease.h"
#include "worker/process/health.h"
#include "worker/process/supervisor.h"
#include "worker/process/sweeper.h"
#include "worker/program/roster.h"
#include "worker/settings/tuning.h"
#include "worker/shared/obituary.h"
#include "worker/shared/pulse.h"

/* Dead processes remembered until their jobs are recovered. */
enum { SUPERVISOR_DEAD_MAX = 64 };

struct child {
    pid_t pid;                        /* 0: not running */
    char process[LEASE_NAME_MAX + 1]; /* P; new for each start */
    struct load *load;                /* shared with it: what its threads are running */
    struct pulse *pulse;   /* likewise: when its fetchers turned; passed on to its successors */
    struct roster *roster; /* likewise: its programs; NULL: none are tracked */
    int report_fd;         /* its reports; -1: closed */
    int64_t started_ms;
    int64_t restart_ms; /* monotonic: when to start it again; 0: it has ended for good */
    int quick_deaths;   /* in a row */
    bool is_ready;      /* it has reported so */
    int told_code;      /* the exit code that it has announced; -1: none */
};

struct supervisor {
    const struct worker_options *options;
    const struct cgroup_place *place; /* NULL: no control groups */
    struct sweeper sweeper;
    struct tuning *tuning; /* the settings that HUP changes; shared with the children */
    int64_t started_ms;
    int signal_fd;
    struct health_listener health;
    bool is_stopping;
    int64_t stopped_ms;     /* monotonic: when it was told to end; 0: not yet */
    bool was_let_in;        /* Redis has let a child in: refusals since then are an outage */
    bool has_told_ready;    /* to --ready-fd and the service manager */
    bool has_told_stopping; /* to the service manager */
    int64_t watchdog_ms;    /* how often the service manager expects to hear from us; 0: never */
    int64_t beat_ms;        /* monotonic: when to notify it next */
    int exit_code;          /* of the program */
    struct obituary dead[SUPERVISOR_DEAD_MAX]; /* their jobs may not be recovered yet */
    size_t dead_count;
    struct child *children;
    size_t child_count;
};

/* In supervisor_child.c: the children. */

/* Makes the memory that children share with this process, and starts the sweeper; no child is
 * started yet. */
void supervisor_prepare_children(struct supervisor *self);
void supervisor_start_child(struct supervisor *self, struct child *child);

/* Acts on a child's reports. */
void supervisor_read_report(struct supervisor *self, struct child *child);

/* Sends a signal to all children. */
void supervisor_tell_children(struct supervisor *self, int signal_number);
bool supervisor_is_stop(int signal_number); /* TERM or INT */

/* Reaps children that have ended, kills what they have left running, and schedules their
 * successors. */
void supervisor_collect(struct supervisor *self);

/* The jobs of this process are recovered, or left to their lease. */
void supervisor_forget_dead(struct supervisor *self, const char *process);

/* HUP, in supervisor_reload.c: reads the configuration file again, if there is one. Settings that
 * may change while the worker runs go into self->tuning; others that have changed are named in the
 * log. A file with a mistake changes nothing. */
void supervisor_reload(struct supervisor *self);
/* At the start: fills self->tuning from the options. */
void supervisor_tune(struct supervisor *self, const struct worker_options *options);

/* In supervisor_tell.c: what it tells the outside world. None of these blocks. */

/* Notifies --ready-fd and the service manager once every child is ready; the manager again after
 * each death. */
void supervisor_tell_ready(struct supervisor *self);

/* Notify the service manager only: at the start; when the end begins, once, however often it is
 * called; when a child has died. */
void supervisor_tell_starting(struct supervisor *self);
void supervisor_tell_stopping(struct supervisor *self);
void supervisor_tell_death(struct supervisor *self);

/* Feeds the service manager's watchdog if it is time to and every fetcher's loop turns. Returns the
 * ms until the next call is due; -1: there is no watchdog. */
int supervisor_beat(struct supervisor *self);

/* Answers --health. */
void supervisor_answer_health(const struct supervisor *self);

#endif
