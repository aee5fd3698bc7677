/* limits - what a handler's program may use, as which user it runs and where (`--limit TYPE=LIST`).
 *
 * Read at the start, by one thread; fixed afterwards. confine.h applies them. */
#ifndef DARG_WORKER_PROGRAM_LIMITS_H
#define DARG_WORKER_PROGRAM_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum limit_number {
    LIMIT_CPU, /* seconds of processor time */
    LIMIT_MEMORY,
    LIMIT_FILES, /* open at the same time */
    LIMIT_PROCESSES,
    LIMIT_FILE_SIZE,
    LIMIT_CORE,
    LIMIT_OUTPUT,
    LIMIT_TIMEOUT, /* ms */
    LIMIT_NUMBERS,
};

/* Which part of the worker's environment programs get by default (environment.h). */
enum limits_environment {
    ENVIRONMENT_USUAL,
    ENVIRONMENT_CLEAN, /* only what is needed */
    ENVIRONMENT_ALL,   /* except for what is the worker's own */
};

struct limits {
    int64_t numbers[LIMIT_NUMBERS]; /* sizes in bytes; -1: not given */
    char *user;                     /* its name; NULL: not given, like the other strings */
    char *home;                     /* the user's */
    char *group;                    /* as written */
    char *directory;
    enum limits_environment environment;
    /* Names of further variables to pass on; a trailing * matches any ending. */
    char **passed;
    size_t passed_count;
    /* Undefined before limits_settle(), and without a user or group. */
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t group_count;
};

/* No limits. */
void limits_init(struct limits *limits);
void limits_fini(struct limits *limits);

/* Adds "cpu=10s,memory=512MiB"; replaces values given before. ST_INVALID with a sentence: no such
 * limit, a bad value, a user, group or directory that does not exist. */
MUST_CHECK enum status limits_read(struct limits *limits, const char *list, struct err *err);

/* Adds "NAME,NAME": variables to pass on. ST_INVALID with a sentence: not names of variables. */
MUST_CHECK enum status limits_pass(struct limits *limits, const char *list, struct err *err);

/* Call once everything is read: finds the user's groups. ST_INVALID with a sentence for a limit
 * that this process may not set, or that would have no effect. has_groups: control groups will
 * limit the number of processes. */
MUST_CHECK enum status limits_settle(struct limits *limits, bool has_groups, struct err *err);

/* True if anything other than a timeout is given: only a process can be held to that. */
bool limits_need_process(const struct limits *limits);

/* The RLIMIT_... for limits that setrlimit() applies; -1 for the others. */
int limits_resource(enum limit_number number);

/* Whether this limit is given; limits may be NULL. */
static inline bool limits_have(const struct limits *limits, enum limit_number number)
{
    return limits && limits->numbers[number] >= 0;
}

#endif
