/* limits - what the program of a handler may use, as whom it runs and where (`--limit TYPE=LIST`).
 *
 * Read at the start, by one thread; fixed afterwards. confine.h puts them into effect. */
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

/* What of the worker's environment programs have without being asked for (environment.h). */
enum limits_environment {
    ENVIRONMENT_USUAL,
    ENVIRONMENT_CLEAN, /* no more than is needed */
    ENVIRONMENT_ALL,   /* but what is the worker's own */
};

struct limits {
    int64_t numbers[LIMIT_NUMBERS]; /* sizes in bytes; -1: not given */
    char *user;                     /* its name; NULL: not given, as with the other strings */
    char *home;                     /* the user's */
    char *group;                    /* as it was written */
    char *directory;
    enum limits_environment environment;
    /* Names of variables that they have besides; one that ends in * stands for many. */
    char **passed;
    size_t passed_count;
    /* After limits_settle(), and only if there is a user or a group: */
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t group_count;
};

/* Nothing is given. */
void limits_init(struct limits *limits);
void limits_fini(struct limits *limits);

/* Adds "cpu=10s,memory=512MiB"; what was given before gives way. ST_INVALID with a sentence: no
 * such limit, a bad value, a user, group or directory that is not there. */
MUST_CHECK enum status limits_read(struct limits *limits, const char *list, struct err *err);

/* Adds "NAME,NAME": variables to be passed on. ST_INVALID with a sentence: no such names. */
MUST_CHECK enum status limits_pass(struct limits *limits, const char *list, struct err *err);

/* Once all is read: finds the user's groups. ST_INVALID with a sentence for what this process may
 * not set, or what would be without effect. has_groups: control groups will keep programs to their
 * number of processes. */
MUST_CHECK enum status limits_settle(struct limits *limits, bool has_groups, struct err *err);

/* True if something else than a timeout is given: it takes a process to hold to it. */
bool limits_need_process(const struct limits *limits);

/* The RLIMIT_... of what the kernel keeps, -1 for the others. */
int limits_resource(enum limit_number number);

/* Whether it is given, limits being NULL or not. */
static inline bool limits_have(const struct limits *limits, enum limit_number number)
{
    return limits && limits->numbers[number] >= 0;
}

#endif
