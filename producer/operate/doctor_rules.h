/* doctor_rules - what darg doctor checks, one function for each rule. Part of doctor, for it
 * alone. */
#ifndef DARG_PRODUCER_OPERATE_DOCTOR_RULES_H
#define DARG_PRODUCER_OPERATE_DOCTOR_RULES_H

#include "producer/shared/context.h"

enum doctor_level {
    DOCTOR_OK,
    DOCTOR_NOTE,
    DOCTOR_UNKNOWN, /* it could not be checked */
    DOCTOR_WRONG
};

struct doctor {
    struct context *context;
    struct buf info; /* the answer to INFO; empty: not allowed */
    bool may_config;
    void (*say)(struct doctor *doctor, const char *what, enum doctor_level level, const char *found,
                const char *advice); /* advice: why it matters and what to do; "" if all is well */
};

/* The value of a line of INFO, "name:value"; ptr NULL: there is no such line. */
struct slice doctor_info(const struct doctor *doctor, const char *name);
int64_t doctor_info_int(const struct doctor *doctor, const char *name, int64_t fallback);

/* The value of a setting, appended to out; false: it may not be read. */
bool doctor_config(struct doctor *doctor, const char *name, struct buf *out);

/* All rules but the ones below, in order. */
MUST_CHECK enum status doctor_apply_rules(struct doctor *doctor, struct err *err);

/* doctor_script.c: really runs a script, one that pushes nothing, and reports the
 * outcome. */
void doctor_try_script(struct doctor *doctor);

/* doctor_access.c: may this user do what producers and workers need to? Each command is queued in a
 * transaction that is then thrown away: Redis refuses what is not allowed when it is queued, and
 * nothing is carried out. */
void doctor_check_access(struct doctor *doctor);

/* Reports times in the queue's keys that are ahead of the server's clock (doctor_times.c). */
void doctor_check_times(struct doctor *doctor);

#endif
