/* command - a handler's command, taken apart once at the start. */
#ifndef DARG_WORKER_PROGRAM_COMMAND_H
#define DARG_WORKER_PROGRAM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "worker/program/home.h"
#include "worker/program/limits.h"

/* Fixed before there are threads, read by every one; memory is owned but where it says so. */
struct command {
    char *program; /* absolute path */
    char **words;  /* ends with NULL; words[0] is the program as it was written */
    size_t word_count;
    bool wants_args;    /* some word has a {} */
    bool is_exposed;    /* some word begins with {}, and may be taken for an option */
    bool is_script;     /* a shell's script has a {} in it: what jobs say is run */
    bool allows_dash;   /* jobs may give options */
    char **environment; /* environment.h, and what was added; ends with NULL */
    size_t environment_count;
    char **added; /* NAME=VALUE; ends with NULL; NULL: nothing */
    size_t added_count;
    const struct limits *limits; /* borrowed; NULL: none */
    int64_t oom_kills;           /* oom.h; when it was parsed */
    struct home home;            /* borrowed; has nothing before command_begin() */
    int64_t files;               /* the soft limit of descriptors when it was parsed; 0: none */
};

/* Parses COMMAND and finds the program; takes the environment as it is now. ST_INVALID with a
 * sentence otherwise. To be given to command_free(). */
MUST_CHECK enum status command_parse(const char *command, struct command **parsed, struct err *err);
void command_free(void *state); /* NULL is fine */

/* Its programs are held to these from now on, which are borrowed and settled. ST_INVALID with a
 * sentence: an environment that leaves no room for arguments. */
MUST_CHECK enum status command_limit(void *state, const struct limits *limits, struct err *err);

/* Its programs have these control groups from now on, which are borrowed; NULL: none. ST_OK. */
MUST_CHECK enum status command_begin(void *state, const struct home *home, struct err *err);

/* Jobs may give options: their args may begin with a -. False: there is no {} that needs this. */
MUST_CHECK bool command_allow_dash(void *state);

/* Logs what a job's args may become that hardly anybody means, by this type. */
void command_warn(const void *state, const char *type);

/* A variable that the program has whatever its limits say. Before there are threads. */
void command_add_variable(struct command *command, const char *name, const char *value);

#endif
