/* usage - what the program of a run has used and, if it has, how it ended, for the reply, the
 * envelope of a failed job, and the log. Pure; any thread. */
#ifndef DARG_WORKER_PROGRAM_USAGE_H
#define DARG_WORKER_PROGRAM_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"

/* What the program of a run has used. One that has ended with the run: with those of its children
 * that it waited for, or with all that were in its control group; one that stays: alone. */
struct usage {
    bool is_known;      /* false: nothing below counts */
    bool has_ended;     /* false: it stays, and has no wait_status */
    int wait_status;    /* of waitpid() */
    int64_t cpu_us;     /* time of processors in all */
    int64_t system_us;  /* the kernel's part of it; -1: not known */
    int64_t peak_bytes; /* memory of the largest of them, if it stays so far; 0: not known */
};

/* Appends a JSON object (docs/protocol.md); nothing where it is not known. */
void usage_append(struct buf *out, const struct usage *usage, int64_t wall_ms);

enum { USAGE_FIELDS_MAX = 4 };
/* Fills in fields of a log line, up to USAGE_FIELDS_MAX; returns how many. */
size_t usage_list(const struct usage *usage, struct log_field *fields);

#endif
