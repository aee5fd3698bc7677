/* table - aligned tables for people, laid out by libsmartcols.
 *
 * A table is filled cell by cell, row by row. Whatever its length, at most TABLE_ROWS_MAX rows are
 * held: then they are printed, and later ones below them, as wide or wider. On a terminal it is
 * made to fit (COLUMNS, or the terminal's width) as far as possible, by cutting columns that may be
 * cut; elsewhere nothing is cut.
 *
 * Text is UTF-8, whatever the user's locale, and aligned by its width on the screen. Cells may hold
 * text from outside: control characters are shown as '?', so that a job cannot tamper with the
 * terminal, and anything that is not UTF-8, or not a printable character, as U+FFFD. The head is
 * bold on a terminal, unless NO_COLOR is set. One thread. */
#ifndef DARG_PRODUCER_SHARED_TABLE_H
#define DARG_PRODUCER_SHARED_TABLE_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct libscols_table;
struct libscols_line;

enum { TABLE_COLUMNS_MAX = 12, TABLE_ROWS_MAX = 1000 };

struct table {
    size_t columns;
    struct libscols_table *layout; /* owned; holds the rows not printed yet */
    struct libscols_line *line;    /* its last line; cells are filled up to `filled` */
    size_t filled;
    size_t rows;                      /* added, in all */
    size_t held;                      /* of those, not printed yet */
    size_t widths[TABLE_COLUMNS_MAX]; /* as printed last */
    bool has_head;
    locale_t utf8; /* owned; 0: this system has none, and only ASCII lines up */
};

/* heads: the names of the columns, NULL at the end. A column whose name begins with '>' is aligned
 * to the right, one with '~' may be cut; the mark is not shown. */
void table_init(struct table *table, const char *const *heads);
void table_fini(struct table *table);

void table_add(struct table *table, struct slice text);
void table_add_text(struct table *table, const char *text);
void table_add_int(struct table *table, int64_t value);  /* with commas; negative: "-" */
void table_add_age(struct table *table, int64_t age_ms); /* a duration; negative: "-" */

/* Prints the part of head and rows that has not been printed yet to standard output. */
void table_print(struct table *table);

/* Prints a name and its value, one line of many, to standard output. */
void table_print_pair(const char *name, struct slice text);

/* A number with commas between thousands, into out; returns out. */
#define TABLE_NUMBER_MAX 32
const char *table_number(int64_t value, char out[TABLE_NUMBER_MAX]);

#endif
