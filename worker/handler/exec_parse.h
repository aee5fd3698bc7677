/* exec_parse - a handler's command, taken apart once at the start. */
#ifndef DARG_WORKER_HANDLER_EXEC_PARSE_H
#define DARG_WORKER_HANDLER_EXEC_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/handler/handler.h"
#include "worker/handler/limits.h"

/* Fixed before there are threads, read by every one; memory is owned but where it says so. */
struct exec_command {
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
    struct handler_home home;    /* borrowed; has nothing before exec_begin() */
    int64_t files;               /* the soft limit of descriptors when it was parsed; 0: none */
};

/* A variable that the program has whatever its limits say. Before there are threads. */
void exec_add_variable(struct exec_command *command, const char *name, const char *value);

#endif
