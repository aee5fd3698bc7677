#include "producer/shared/table.h"

#include "base/err.h"
#include "base/parse.h"
#include "base/printable.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

static bool has_mark(const char *head)
{
    return head[0] == '>' || head[0] == '~';
}

static void add_column(struct table *table, const char *head)
{
    int flags = head[0] == '>' ? SCOLS_FL_RIGHT : head[0] == '~' ? SCOLS_FL_TRUNC : 0;
    const char *name = has_mark(head) ? head + 1 : head;
    ensure(scols_table_new_column(table->layout, name, 0, flags) != NULL, "out of memory");
    table->columns++;
}

/* What the user set takes precedence over what the terminal reports. */
static void read_columns(struct table *table)
{
    enum { COLUMNS_MAX = 1000000 };
    const char *text = getenv("COLUMNS");
    int64_t columns;
    if (text != NULL && parse_int(slice_of(text), 1, COLUMNS_MAX, &columns, NULL) == ST_OK)
        scols_table_set_termwidth(table->layout, (size_t)columns);
}

static void add_line(struct table *table)
{
    table->line = scols_table_new_line(table->layout, NULL);
    ensure(table->line != NULL, "out of memory");
    table->filled = 0;
}

/* Takes ownership of the text, and frees it with free(). */
static void set_cell(struct table *table, size_t column, char *text)
{
    ensure(scols_line_refer_data(table->line, column, text) == 0, "out of memory");
}

/* The first line of each part is never printed. It makes columns as wide as they were in the part
 * before, and gives libsmartcols something to print if there are no rows; otherwise it would leave
 * out the head. */
static void begin_part(struct table *table)
{
    scols_table_remove_lines(table->layout);
    table->held = 0;
    add_line(table);
    for (size_t c = 0; c < table->columns; c++) {
        char *dashes = mem_new(table->widths[c] + 1);
        memset(dashes, '-', table->widths[c]);
        dashes[table->widths[c]] = '\0';
        set_cell(table, c, dashes);
    }
    table->filled = table->columns;
}

/* libsmartcols measures by a locale that is not the user's: the text is UTF-8 in any case. It is in
 * force only while a table is worked on, because other rules of a locale (upper case in Turkish,
 * say) are bad for programs. */
static locale_t enter_locale(const struct table *table)
{
    return uselocale(table->utf8); /* with 0 it stays as it is */
}

void table_init(struct table *table, const char *const *heads)
{
    *table = (struct table){.layout = scols_new_table()};
    ensure(table->layout != NULL, "out of memory");
    table->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (table->utf8 == (locale_t)0)
        table->utf8 = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    for (size_t i = 0; heads[i] != NULL; i++)
        add_column(table, heads[i]);
    ensure(table->columns >= 1 && table->columns <= TABLE_COLUMNS_MAX, "%zu columns",
           table->columns);
    /* Nothing unsafe is left by then, and its own way to show unsafe bytes would double
     * backslashes. */
    scols_table_enable_noencoding(table->layout, 1);
    scols_table_set_column_separator(table->layout, "  ");
    read_columns(table);
    begin_part(table);
}

void table_fini(struct table *table)
{
    scols_unref_table(table->layout);
    if (table->utf8 != (locale_t)0)
        freelocale(table->utf8);
    *table = (struct table){0};
}

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~';
}

/* Appends the character that begins there; returns its length in bytes. */
static size_t append_character(struct buf *out, const char *at, size_t len)
{
    static const char replacement[] = "\xef\xbf\xbd";
    mbstate_t state = {0};
    wchar_t character;
    size_t count = mbrtowc(&character, at, len, &state);
    bool is_valid = count >= 1 && count <= len;
    if (is_valid && iswprint((wint_t)character))
        buf_append(out, at, count);
    else
        buf_append_text(out, replacement);
    return is_valid ? count : 1;
}

static bool is_all_plain(struct slice text)
{
    size_t i = 0;
    while (i < text.len && is_plain(text.ptr[i]))
        i++;
    return i == text.len;
}

/* Appends what can be shown of any bytes. */
static char *make_cell(const struct table *table, struct slice text)
{
    if (is_all_plain(text))
        return slice_dup(text);
    struct buf safe = {0}, cell = {0};
    buf_append_slice(&safe, text);
    if (safe.len > 0)
        printable_make(safe.ptr, safe.len, '?', "");
    locale_t old = enter_locale(table);
    for (size_t i = 0, count; i < safe.len; i += count) {
        count = 1;
        if (is_plain(safe.ptr[i]))
            buf_append_char(&cell, safe.ptr[i]);
        else
            count = append_character(&cell, safe.ptr + i, safe.len - i);
    }
    uselocale(old);
    char *made = mem_dup(buf_text(&cell));
    buf_fini(&safe);
    buf_fini(&cell);
    return made;
}

void table_add(struct table *table, struct slice text)
{
    if (table->filled == table->columns) {
        if (table->held == TABLE_ROWS_MAX)
            table_print(table);
        add_line(table);
        table->rows++;
        table->held++;
    }
    set_cell(table, table->filled++, make_cell(table, text));
}

void table_add_text(struct table *table, const char *text)
{
    table_add(table, slice_of(text));
}

void table_print_pair(const char *name, struct slice text)
{
    enum { WIDTH = 13 };
    struct buf line = {0};
    buf_append_slice(&line, text);
    if (line.len > 0)
        printable_make(line.ptr, line.len, '?', "");
    printf("%-*s%s\n", WIDTH, name, buf_text(&line));
    buf_fini(&line);
}

const char *table_number(int64_t value, char out[TABLE_NUMBER_MAX])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)value);
    ensure(len > 0 && (size_t)len < sizeof digits, "an int64 took %d characters", len);
    char *to = out;
    for (int i = 0; i < len; i++) {
        *to++ = digits[i];
        if (digits[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
            *to++ = ',';
    }
    *to = '\0';
    return out;
}

void table_add_int(struct table *table, int64_t value)
{
    char text[TABLE_NUMBER_MAX];
    table_add_text(table, value < 0 ? "-" : table_number(value, text));
}

void table_add_age(struct table *table, int64_t age_ms)
{
    char text[PARSE_DURATION_MAX];
    /* In a long duration, milliseconds are only noise. */
    int64_t step = age_ms < 10000 ? 100 : 1000;
    int64_t shown_ms = age_ms < 1000 ? age_ms : age_ms / step * step;
    table_add_text(table, age_ms < 0 ? "-" : format_duration_ms(shown_ms, text));
}

/* Leaves out blanks at the end of a line. */
static void print_line(const char *line, size_t len, bool is_bold)
{
    while (len > 0 && line[len - 1] == ' ')
        len--;
    printf("%s%.*s%s\n", is_bold ? "\033[1m" : "", (int)len, line, is_bold ? "\033[0m" : "");
}

/* text: a line for the head, one for the line that sets the widths, and the rows. */
static void print_part(struct table *table, const char *text)
{
    const char *no_color = getenv("NO_COLOR");
    bool is_bold = isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
    for (size_t number = 0; *text != '\0'; number++) {
        size_t len = strcspn(text, "\n");
        if (number == 0 && !table->has_head)
            print_line(text, len, is_bold);
        else if (number > 1)
            print_line(text, len, false);
        text += len + (text[len] == '\n');
    }
    table->has_head = true;
}

void table_print(struct table *table)
{
    char *text = NULL;
    locale_t old = enter_locale(table);
    ensure(scols_print_table_to_string(table->layout, &text) == 0 && text != NULL, "out of memory");
    uselocale(old);
    print_part(table, text);
    free(text);
    /* Nothing follows the last column, so it needs no padding. */
    for (size_t c = 0; c + 1 < table->columns; c++)
        table->widths[c] = scols_column_get_width(scols_table_get_column(table->layout, c));
    begin_part(table);
}
