/* command - a handler's command, parsed once at the start. */
#ifndef DARG_WORKER_PROGRAM_COMMAND_H
#define DARG_WORKER_PROGRAM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "worker/program/home.h"
#include "worker/program/limits.h"

/* Fixed before there are threads, read by all of them; memory is owned unless a field says
 * otherwise. */
struct command {
    char *program; /* absolute path */
    char **words;  /* ends with NULL; words[0] is the program as written */
    size_t word_count;
    bool wants_args;    /* some word has a {} */
    bool is_exposed;    /* some word begins with {}, so args could be taken for an option */
    bool is_script;     /* a shell's script contains {}, so what jobs say would be run */
    bool allows_dash;   /* jobs may give options */
    char **environment; /* as environment.h has it, plus `added`; ends with NULL */
    size_t environment_count;
    char **added; /* NAME=VALUE; ends with NULL; NULL: none */
    size_t added_count;
    const struct limits *limits; /* borrowed; NULL: none */
    int64_t oom_kills;           /* kills by the kernel (oom.h) when it was parsed */
    struct home home;            /* borrowed; empty before command_begin() */
    int64_t files;               /* soft limit of descriptors when it was parsed; 0: none */
};

/* Parses COMMAND and finds the program; takes the environment as it is now. ST_INVALID with a
 * sentence. Free it with command_free(). */
MUST_CHECK enum status command_parse(const char *command, struct command **parsed, struct err *err);
void command_free(void *state); /* NULL is fine */

/* Applies these limits, borrowed and settled, to its programs from now on. ST_INVALID with a
 * sentence: the environment leaves no room for arguments. */
MUST_CHECK enum status command_limit(void *state, const struct limits *limits, struct err *err);

/* From now on its programs use this home, which is borrowed. Always ST_OK. */
MUST_CHECK enum status command_begin(void *state, const struct home *home, struct err *err);

/* Allows args that begin with a '-', that is, jobs may pass options. False: there is no {} that
 * needs this. */
MUST_CHECK bool command_allow_dash(void *state);

/* Logs where the args of jobs of this type could act as options or as script, which hardly anybody
 * intends. */
void command_warn(const void *state, const char *type);

/* Adds a variable that the program gets whatever its limits say. Before there are threads. */
void command_add_variable(struct command *command, const char *name, const char *value);

#endif
