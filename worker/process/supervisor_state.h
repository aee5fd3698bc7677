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
    pid_t pid; /* 0: not running */
    char process[LEASE_NAME_MAX + 1];
    struct load *load;     /* shared with it: what its threads run */
    struct pulse *pulse;   /* likewise: when it turned; passed on to its successors */
    struct roster *roster; /* likewise: its programs; NULL: it can have none */
    int report_fd;         /* what it tells; -1: closed */
    int64_t started_ms;
    int64_t restart_ms; /* monotonic: when to start it again; 0: it has ended for good */
    int quick_deaths;   /* in a row */
    bool is_ready;
    int told_code; /* the exit code that it said it would end with; -1: it has said nothing */
};

struct supervisor {
    const struct worker_options *options;
    const struct cgroup_place *place; /* NULL: no control groups */
    struct sweeper sweeper;
    struct tuning *tuning; /* of them, what HUP has changed; shared with the children */
    int64_t started_ms;
    int signal_fd;
    struct health_listener health;
    bool is_stopping;
    int64_t stopped_ms; /* monotonic: when it was told to end; 0: not yet */
    bool was_let_in;    /* a child has been ready: what Redis refuses since is an outage */
    bool has_told_ready;
    bool has_told_stopping;
    int64_t watchdog_ms; /* the service manager wants to hear of us so often; 0: never */
    int64_t beat_ms;     /* monotonic: when to tell it next */
    int exit_code;
    struct obituary dead[SUPERVISOR_DEAD_MAX]; /* whose jobs may not be recovered yet */
    size_t dead_count;
    struct child *children;
    size_t child_count;
};

/* The children, in supervisor_child.c. */

/* All that children share with this process, and who sweeps after them; none is started yet. */
void supervisor_prepare_children(struct supervisor *self);
void supervisor_start_child(struct supervisor *self, struct child *child);

/* Acts on what a child has told. */
void supervisor_read_report(struct supervisor *self, struct child *child);

/* Sends a signal to all children. */
void supervisor_tell_children(struct supervisor *self, int signal_number);
bool supervisor_is_stop(int signal_number); /* TERM or INT */

/* Waits for those that have ended, kills what they have left running, and plans their successors.
 */
void supervisor_collect(struct supervisor *self);

/* The jobs of this process are recovered, or left to their lease. */
void supervisor_forget_dead(struct supervisor *self, const char *process);

/* HUP, in supervisor_reload.c: reads the configuration file again, if there is one. What may change
 * while the worker runs is in self->tuning then; what may not is named in the log. A file that is
 * wrong changes nothing. */
void supervisor_reload(struct supervisor *self);
/* At the start: what the options say. */
void supervisor_tune(struct supervisor *self, const struct worker_options *options);

/* What it tells those outside, in supervisor_tell.c. None of these blocks. */

/* --ready-fd and the service manager, once every child is ready; again after each death. */
void supervisor_tell_ready(struct supervisor *self);

/* The service manager alone: at the start; when the end begins, once, however often it is called;
 * that a child has died. */
void supervisor_tell_starting(struct supervisor *self);
void supervisor_tell_stopping(struct supervisor *self);
void supervisor_tell_death(struct supervisor *self);

/* The service manager's watchdog, if it is time to and every fetch loop turns. Returns the ms until
 * the next call is due; -1: there is no watchdog. */
int supervisor_beat(struct supervisor *self);

/* Answers those who ask by --health. */
void supervisor_answer_health(const struct supervisor *self);

#endif
