/* usage - what the program of a run used and, if it ended, how: for the reply, the envelope of a
 * failed job, and the log. Pure; any thread. */
#ifndef DARG_WORKER_PROGRAM_USAGE_H
#define DARG_WORKER_PROGRAM_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"

/* What the program of a run used. If it ended with the run, this includes the children that it
 * waited for, or everything in its control group; a persistent program is counted alone. */
struct usage {
    bool is_known;      /* false: the fields below are undefined */
    bool has_ended;     /* false: it is persistent, and wait_status is undefined */
    int wait_status;    /* as waitpid() gives it */
    int64_t cpu_us;     /* processor time in total */
    int64_t system_us;  /* the part of it spent in the kernel; -1: not known */
    int64_t peak_bytes; /* memory of the largest process (persistent: so far); 0: not known */
};

/* Appends a JSON object (docs/protocol.md); nothing if the usage is not known. */
void usage_append(struct buf *out, const struct usage *usage, int64_t wall_ms);

enum { USAGE_FIELDS_MAX = 4 };
/* Fills in fields of a log line, up to USAGE_FIELDS_MAX; returns how many. */
size_t usage_list(const struct usage *usage, struct log_field *fields);

#endif
