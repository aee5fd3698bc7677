/* recovery - how soon the jobs of a killed worker process run again.
 *
 * Each death is recorded with its process; afterwards the handlers' log shows which jobs it was
 * running, and when the first of them began again. One thread only. */
#ifndef DARG_TESTS_TORTURE_RECOVERY_H
#define DARG_TESTS_TORTURE_RECOVERY_H

#include <stdio.h>
#include <sys/types.h>

enum recovery_kind {
    RECOVERY_CHILD_STORM, /* its supervisor lives; other faults all around */
    RECOVERY_HOST_STORM,
    RECOVERY_CHILD_CALM, /* nothing else is wrong */
    RECOVERY_HOST_CALM,
    RECOVERY_KINDS
};

struct recovery;

struct recovery *recovery_new(void);
void recovery_free(struct recovery *recovery);

void recovery_note(struct recovery *recovery, enum recovery_kind kind, pid_t worker);

/* Reads the log and prints p50 and the largest for each kind. */
void recovery_print(struct recovery *recovery, const char *ran, FILE *out);

#endif
