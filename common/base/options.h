/* options - what a program can be told, from one table: command line, environment, configuration
 * file, --help, --print-config, manual page and completion follow from the same rows.
 *
 * A program describes its options as rows of static tables; a row may also stand for a whole table
 * that several programs share. For each, options_parse() takes the first of: the flags
 * (getopt_long beneath); the environment (prefix + the row's long name, upper case, '-' as '_',
 * e.g. DARG_LOG_LEVEL); the file named by --config or DARG_CONFIG; the row's default. The value
 * lands, typed, in a field of the program's own struct. A repeatable option (OPT_LIST) appends to a
 * struct options_list. A mistyped name is answered with the nearest one. Not for threads: used by
 * one at a time. */
#ifndef DARG_BASE_OPTIONS_H
#define DARG_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/config.h"
#include "base/err.h"

enum option_type {
    OPT_FLAG,     /* bool *: no value; environment: 1/true/yes or 0/false/no */
    OPT_STRING,   /* const char **: borrowed from argv, the environment, the record or the row */
    OPT_INT,      /* int64_t *: a whole number in [min, max] */
    OPT_DURATION, /* int64_t *: milliseconds in [min, max] */
    OPT_BYTES,    /* int64_t *: bytes in [min, max] */
    OPT_LIST,     /* struct options_list *: may be given again and again */
    OPT_URL,      /* const char **: as OPT_STRING; what stands before its '@' is never shown */
};

struct options_list {
    const char **items; /* borrowed strings; the array is freed by options_list_fini() */
    size_t count;
};
void options_list_fini(struct options_list *list);

struct option_row {
    const char *name; /* long name, without "--" */
    char letter;      /* short name, or 0 */
    enum option_type type;
    size_t offset;            /* offsetof() the field that takes the value */
    const char *value_name;   /* what --help calls the value: "N", "DURATION", "URL" ... */
    const char *default_text; /* as a user would write it, or NULL: target is left as it was */
    int64_t min, max;         /* for OPT_INT, OPT_DURATION, OPT_BYTES; both 0: any value >= 0 */
    const char *help;         /* one line */
    bool is_secret;           /* its value is shown as *** everywhere */
    bool no_environment;      /* not read from the environment */
    bool no_file;             /* not read from a configuration file */
    const char *environment; /* names of variables instead of the usual one: "A_URL URL", or NULL */
    const char *section;     /* OPT_LIST: each NAME = VALUE there is an item NAME=VALUE, or NULL */
    /* In place of a name: the rows of another table, whose offsets count from `offset`.
     * no_environment and no_file hold for all of them. */
    const struct option_row *group;
};
/* As the last row. */
#define OPTIONS_END                                                                                \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* What was found, and where: filled by options_parse(), and owner of the texts of a file. */
struct option_value {
    const char *name; /* of the row */
    char *text;       /* as it was given */
    char *where;      /* "--threads", "DARG_THREADS", "/etc/darg.conf:3", "default" */
};
struct options_record {
    struct option_value *values; /* those of a list one after the other */
    size_t count;
    struct config config;
};

struct options_spec {
    const char *program;            /* "darg push" */
    const char *usage;              /* "TYPE [ARGS] [options]" */
    const char *summary;            /* a line or a paragraph */
    const char *examples;           /* lines, or NULL */
    const struct option_row *rows;  /* the last one has neither name nor group */
    void *target;                   /* the struct that the rows' offsets count from */
    const char *environment_prefix; /* "DARG_" */
    const char *version;            /* what --version prints */
    struct options_record *record;  /* filled; NULL: no --config and no --print-config */
    /* Its own in a file, blanks between: first its name, then the sections of rows. */
    const char *sections;
    const char *other_sections; /* another program's, likewise: skipped */
    const char *other_names;    /* options that may stand in the file but are no rows, likewise */
};

/* Parses argv[1..argc-1], the environment and the file; operands (non-options) may stand anywhere
 * unless a "--" precedes them, and end in *operands (an array of *operand_count borrowed strings,
 * to free()). --help, --version and --print-config are answered here, on stdout, and *done is set
 * to true. ST_INVALID (or ST_SYSTEM, for the file) with one clear sentence for anything wrong.
 * options_record_fini() in any case. */
MUST_CHECK enum status options_parse(const struct options_spec *spec, int argc, char **argv,
                                     const char ***operands, size_t *operand_count, bool *done,
                                     struct err *err);

/* Counts the words from argv[1] on that are options of the spec, or values of such. The first that
 * is not may be an operand, "--", an option that the spec does not have, --help or --version;
 * *count is argc - 1 if there is none. ST_INVALID: the last word needs a value. Nothing is set. */
MUST_CHECK enum status options_count_leading(const struct options_spec *spec, int argc, char **argv,
                                             int *count, struct err *err);

/* The row that a word of a command line is about ("--wait=1s", "-w"), also in a group; or NULL. */
const struct option_row *options_find(const struct option_row *rows, const char *word);

/* Frees the lists that options_parse() has filled. */
void options_free_lists(const struct option_row *rows, void *target);

void options_record_fini(struct options_record *record);

/* Where the value of the option came from, e.g. "--threads"; "default". Borrowed. */
const char *options_where(const struct options_record *record, const char *name);

/* Says of a failure which option it is about, and where that was given. Answers `status`; ST_OK:
 * *err is left as it is. */
MUST_CHECK enum status options_blame(enum status status, const struct options_record *record,
                                     const char *name, struct err *err);

/* Appends the names of the options whose values are not the same in both, each once. Names are
 * borrowed from the rows. */
void options_changes(const struct options_record *before, const struct options_record *after,
                     struct options_list *names);

/* Prints usage, summary, the aligned table of options with defaults, and examples. No groups. */
void options_help(const struct options_spec *spec, FILE *out);

/* The nearest of `names` (NULL-terminated) to a mistyped word, or NULL if none is close. */
const char *options_suggest(const char *word, const char *const *names);

#endif
