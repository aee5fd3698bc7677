/* command - what darg can do: one static entry per command, in its own file.
 *
 * The entry is the whole declaration: --help, manual page, completion, parsing and connecting all
 * come from it. command_run() parses the command line into the command's own struct, checks it,
 * connects and calls run(); dispatch.h finds the command first. A password in argv is overwritten
 * there. */
#ifndef DARG_PRODUCER_SHARED_COMMAND_H
#define DARG_PRODUCER_SHARED_COMMAND_H

#include "base/options.h"
#include "producer/shared/context.h"

/* What a command needs besides the options that say where Redis is. */
enum {
    NEEDS_QUEUE = 1,      /* -q, --namespace, and the queue's keys */
    NEEDS_NAMESPACE = 2,  /* --namespace alone */
    NEEDS_JSON = 4,       /* --json */
    NEEDS_CONNECTION = 8, /* it is connected when run() is called */
    NEEDS_INTERRUPT = 16, /* Ctrl-C sets a flag (interrupt.h) instead of ending the program */
};

struct command {
    const char *name;    /* the word of the command line: "push" */
    const char *title;   /* a few words, for the list of commands */
    const char *summary; /* a line or a paragraph, for its own help */

    /* A group of commands ("dead") has only these. */
    const struct command *const *members; /* ends with NULL */
    const struct command *otherwise;      /* the member meant if none is named, or NULL */

    const char *usage;             /* what follows the name: "ID [options]" */
    const char *examples;          /* lines */
    const struct option_row *rows; /* its own options; NULL: none */
    size_t options_size;           /* of the struct that takes them; 0: none */
    const void *defaults;          /* initial content of that struct; NULL: zeroes */
    unsigned needs;                /* NEEDS_... */
    const char *operand;           /* the name of the first, if one is required, or NULL */
    size_t operands_max;

    /* Called before connecting: refuses a command line that makes no sense (ST_INVALID with a
     * sentence), or completes the options from the operands and each other. NULL: nothing to do. */
    enum status (*check)(const struct context *context, void *options, struct err *err);
    /* The exit code. */
    int (*run)(struct context *context, const void *options);
};

/* Runs a command that is not a group. `program` is its full name ("darg dead list"); its options
 * and operands begin at argv[1]. Returns the exit code; everything has been printed. */
int command_run(const struct command *command, const char *program, int argc, char **argv);

/* Counts the words from argv[1] on that are options common to all commands, or their values
 * (options_count_leading()). */
MUST_CHECK enum status command_count_leading(int argc, char **argv, int *count, struct err *err);

/* Reads from argv[1] on as if there were only the common options: answers --help=completion, or
 * says what is wrong with an option. Returns the exit code. */
int command_run_common(const char *program, int argc, char **argv);

/* Says what is wrong with the command line, and where help is; returns DARG_USAGE. */
int command_refuse(const char *program, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
