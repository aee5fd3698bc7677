/* options - all options of a program, from one table: command line, environment, configuration
 * file, --help, --print-config, manual page and completion come from the same rows.
 *
 * A program describes its options as rows of static tables; a row may also stand for a whole table
 * that several programs share. For each row, options_parse() takes the first of: the flags
 * (getopt_long beneath); the environment (prefix + the row's long name, upper case, '-' as '_',
 * e.g. DARG_LOG_LEVEL); the file named by --config or DARG_CONFIG; the row's default. The value
 * lands, typed, in a field of the program's own struct. A repeatable option (OPT_LIST) appends to a
 * struct options_list. For a mistyped name, the error suggests the nearest one. Used by one thread
 * at a time. */
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
    OPT_LIST,     /* struct options_list *: may be given repeatedly */
    OPT_URL,      /* const char **: like OPT_STRING; what is before its '@' is never shown */
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
    size_t offset;            /* offsetof() of the field that takes the value */
    const char *value_name;   /* what --help calls the value: "N", "DURATION", "URL" ... */
    const char *default_text; /* as a user would write it; NULL: the field is left alone */
    int64_t min, max;         /* for OPT_INT, OPT_DURATION, OPT_BYTES; both 0: any value >= 0 */
    const char *help;         /* one line */
    bool is_secret;           /* its value is shown as *** everywhere */
    bool no_environment;      /* not read from the environment */
    bool no_file;             /* not read from a configuration file */
    const char *environment;  /* names of variables to use instead: "A_URL URL", or NULL */
    /* OPT_LIST: each NAME = VALUE in this section is an item NAME=VALUE; or NULL */
    const char *section;
    /* Instead of a name: the rows of another table, whose offsets count from `offset`.
     * no_environment and no_file then apply to all of them. */
    const struct option_row *group;
};
/* The kind of a row, and the field of `owner`, a struct, that takes its value: initialises .type
 * and .offset. Does not compile where the field is of another type than the kind needs, as the
 * value would be written over what stands behind it. */
#define OPTION_FIELD(kind, owner, field)                                                           \
    .type = (kind),                                                                                \
    .offset = offsetof(owner, field) + 0 * sizeof(OPTION_FITS_##kind(((owner *)0)->field))
#define OPTION_FITS_OPT_FLAG(field) _Generic((field), bool : 0)
#define OPTION_FITS_OPT_STRING(field) _Generic((field), const char * : 0)
#define OPTION_FITS_OPT_INT(field) _Generic((field), int64_t : 0)
#define OPTION_FITS_OPT_DURATION(field) _Generic((field), int64_t : 0)
#define OPTION_FITS_OPT_BYTES(field) _Generic((field), int64_t : 0)
#define OPTION_FITS_OPT_LIST(field) _Generic((field), struct options_list : 0)
#define OPTION_FITS_OPT_URL(field) _Generic((field), const char * : 0)

/* The rows of another table, and the field of `owner` that is the struct they are about, of
 * `type`: initialises .group and .offset, and compiles as above. */
#define OPTION_GROUP(rows, type, owner, field)                                                     \
    .group = (rows),                                                                               \
    .offset = offsetof(owner, field) + 0 * sizeof(_Generic(((owner *)0)->field, type : 0))

/* The last row. */
#define OPTIONS_END                                                                                \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* What was found, and where. Filled by options_parse(); owns the texts that came from a file. */
struct option_value {
    const char *name; /* of the row */
    char *text;       /* as given */
    char *where;      /* "--threads", "DARG_THREADS", "/etc/darg.conf:3", "default" */
};
struct options_record {
    struct option_value *values; /* those of a list follow one another */
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
    struct options_record *record;  /* is filled; NULL: no --config and no --print-config */
    /* Its own sections in a file, separated by blanks: first its name, then the sections of
     * rows. */
    const char *sections;
    const char *other_sections; /* another program's, likewise; they are skipped */
    const char *other_names;    /* options that the file may have but that are not rows, likewise */
};

/* Parses argv[1..argc-1], the environment and the file; operands (non-options) may be anywhere, and
 * everything after a "--" is one; they go into *operands (an array of *operand_count borrowed
 * strings; free() it). --help, --version and --print-config are answered here, on stdout, and *done
 * is set to true. ST_INVALID (or ST_SYSTEM, for the file) with one clear sentence for any mistake.
 * Call options_record_fini() in any case. */
MUST_CHECK enum status options_parse(const struct options_spec *spec, int argc, char **argv,
                                     const char ***operands, size_t *operand_count, bool *done,
                                     struct err *err);

/* Counts the words from argv[1] on that are options of the spec, or their values. It stops at an
 * operand, "--", an option that the spec does not have, --help or --version; without any, *count is
 * argc - 1. ST_INVALID: the last word needs a value. Sets no fields. */
MUST_CHECK enum status options_count_leading(const struct options_spec *spec, int argc, char **argv,
                                             int *count, struct err *err);

/* The row that a word of a command line means ("--wait=1s", "-w"), also within a group; or NULL. */
const struct option_row *options_find(const struct option_row *rows, const char *word);

/* How large the struct has to be at least that the rows are about. */
size_t options_extent(const struct option_row *rows);

/* Frees the lists that options_parse() filled. */
void options_free_lists(const struct option_row *rows, void *target);

void options_record_fini(struct options_record *record);

/* Where the value of the option came from, e.g. "--threads"; "default". Borrowed. */
const char *options_where(const struct options_record *record, const char *name);

/* Adds to a failure which option it concerns, and where that was given. Returns `status`; if that
 * is ST_OK, *err is left alone. */
MUST_CHECK enum status options_blame(enum status status, const struct options_record *record,
                                     const char *name, struct err *err);

/* Appends the names of options whose values differ between the two records, each once. Names are
 * borrowed from the rows. */
void options_changes(const struct options_record *before, const struct options_record *after,
                     struct options_list *names);

/* Prints usage, summary, the aligned table of options with defaults, and examples. The spec must
 * have no groups. */
void options_help(const struct options_spec *spec, FILE *out);

/* The nearest of `names` (NULL-terminated) to a mistyped word, or NULL if none is close. */
const char *options_suggest(const char *word, const char *const *names);

#endif
