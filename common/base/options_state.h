/* options_state - what the files of options share. Included by options*.c only. */
#ifndef DARG_BASE_OPTIONS_STATE_H
#define DARG_BASE_OPTIONS_STATE_H

#include "base/buf.h"
#include "base/options.h"

/* All files except options.c and options_rows.c see a spec whose rows are flattened. */

/* A copy of all rows, with each group replaced by its rows and all offsets counted from the same
 * start. free() it. */
struct option_row *options_flatten(const struct option_row *rows);

/* --help, --version and, for a program with a record, --config and --print-config: as rows without
 * a field; the last row's name is NULL. */
const struct option_row *options_own_rows(const struct options_spec *spec);

/* Puts a value (NULL: the flag was given) into the row's field and the record. `where` names its
 * source for the record, `sentence` for errors, e.g. "/etc/darg.conf:3: threads". */
MUST_CHECK enum status options_set(const struct options_spec *spec, const struct option_row *row,
                                   const char *value, const char *where, const char *sentence,
                                   struct err *err);

/* Reads the file into the record; an error if it contains anything that this program does not
 * know. */
MUST_CHECK enum status options_read_file(const struct options_spec *spec, const char *path,
                                         struct err *err);

/* Sets the row from the file; *found: the file has it. */
MUST_CHECK enum status options_set_from_file(const struct options_spec *spec,
                                             const struct option_row *row, bool *found,
                                             struct err *err);

/* True if the word is among `words`, which are separated by blanks; NULL: there are none. */
bool options_word_is_in(const char *word, const char *words);

/* Appends the name of the variable that an option is read from: DARG_LOG_LEVEL for "log-level". */
void options_environment_name(const struct options_spec *spec, const char *option, struct buf *out);

/* True if part of the value must not be shown. */
bool options_holds_secret(const struct option_row *row, const char *value);

/* Appends the value in the form in which it may be shown. */
void options_append_masked(const struct option_row *row, const char *value, struct buf *out);

/* Answers --help=FORMAT: "text", "man", a part of a manual page, or "completion". */
MUST_CHECK enum status options_help_as(const struct options_spec *spec, const char *format,
                                       struct err *err);

/* Prints the program's part of a manual page, in roff. */
void options_man(const struct options_spec *spec);

/* Prints the program's rows as lines for tools/completion. */
void options_completion(const struct options_spec *spec);

/* Prints all values and where they came from: "text" or "json". */
MUST_CHECK enum status options_print(const struct options_spec *spec, const char *format,
                                     struct err *err);

#endif
