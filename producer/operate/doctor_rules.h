/* doctor_rules - what darg doctor looks at, each rule a function. Part of doctor; not for others.
 */
#ifndef DARG_PRODUCER_OPERATE_DOCTOR_RULES_H
#define DARG_PRODUCER_OPERATE_DOCTOR_RULES_H

#include "producer/shared/context.h"

enum doctor_level {
    DOCTOR_OK,
    DOCTOR_NOTE,
    DOCTOR_UNKNOWN, /* it could not be looked at */
    DOCTOR_WRONG
};

struct doctor {
    struct context *context;
    struct buf info; /* the answer to INFO; empty: it may not be asked */
    bool may_config;
    void (*say)(struct doctor *doctor, const char *what, enum doctor_level level, const char *found,
                const char *advice); /* advice: why it matters and what to do; "" if well */
};

/* A line of INFO, "name:value"; ptr NULL: there is none. */
struct slice doctor_info(const struct doctor *doctor, const char *name);
int64_t doctor_info_int(const struct doctor *doctor, const char *name, int64_t fallback);

/* The value of a setting, appended to out; false: it may not be read. */
bool doctor_config(struct doctor *doctor, const char *name, struct buf *out);

/* All rules but the next one, in their order. */
MUST_CHECK enum status doctor_apply_rules(struct doctor *doctor, struct err *err);

/* doctor_script.c: runs a script for real, one that pushes nothing. Whatever comes of it is said.
 */
void doctor_try_script(struct doctor *doctor);

/* doctor_access.c: may this user do what producers and workers have to? Each command is queued in a
 * transaction that is then thrown away: Redis refuses what is not allowed when it is queued, and
 * nothing is carried out. */
void doctor_check_access(struct doctor *doctor);

/* Says so if times in the queue's keys lie ahead of the server's clock (doctor_times.c). */
void doctor_check_times(struct doctor *doctor);

#endif
