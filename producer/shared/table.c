#include "producer/shared/table.h"

#include "base/err.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/printable.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void table_init(struct table *table, const char *const *heads)
{
    *table = (struct table){.heads = heads};
    while (heads[table->columns] != NULL)
        table->columns++;
    ensure(table->columns <= TABLE_COLUMNS_MAX, "%zu columns", table->columns);
}

static void clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    table->count = 0;
}

void table_fini(struct table *table)
{
    clear(table);
    free(table->cells);
    *table = (struct table){0};
}

void table_add(struct table *table, struct slice text)
{
    bool is_new_row = table->count % table->columns == 0;
    if (table->count == table->columns * TABLE_ROWS_MAX)
        table_print(table);
    table->rows += is_new_row;
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 64;
        table->cells = realloc(table->cells, table->capacity * sizeof *table->cells);
        ensure(table->cells != NULL, "out of memory");
    }
    char *cell = mem_new(text.len + 1);
    if (text.len > 0)
        memcpy(cell, text.ptr, text.len);
    printable_make(cell, text.len, '?', "");
    table->cells[table->count++] = cell;
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
    /* Milliseconds of a long time are only noise. */
    int64_t step = age_ms < 10000 ? 100 : 1000;
    int64_t shown_ms = age_ms < 1000 ? age_ms : age_ms / step * step;
    table_add_text(table, age_ms < 0 ? "-" : format_duration_ms(shown_ms, text));
}

/* Columns that a text takes: its characters, not its bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Appends to a line; blanks at its end are left out. */
static void append_cell(struct buf *line, const struct table *table, size_t column,
                        const char *text, size_t width)
{
    bool is_right = table->heads[column][0] == '>';
    bool is_last = column + 1 == table->columns;
    size_t own = width_of(text);
    int pad = width > own ? (int)(width - own) : 0;
    buf_printf(line, "%*s%s%*s", is_right ? pad : 0, "", text, is_right || is_last ? 0 : pad, "");
    if (!is_last)
        buf_append_text(line, "  ");
    while (is_last && line->len > 0 && line->ptr[line->len - 1] == ' ')
        line->len--;
}

static void print_line(struct buf *line, bool is_bold)
{
    printf("%s%.*s%s\n", is_bold ? "\033[1m" : "", (int)line->len, buf_text(line),
           is_bold ? "\033[0m" : "");
    buf_clear(line);
}

static const char *head_of(const struct table *table, size_t column)
{
    const char *head = table->heads[column];
    return head[0] == '>' ? head + 1 : head;
}

static void widen(struct table *table, size_t column, const char *text)
{
    size_t width = width_of(text);
    if (width > table->widths[column])
        table->widths[column] = width;
}

static void print_head(struct table *table)
{
    struct buf line = {0};
    const char *no_color = getenv("NO_COLOR");
    for (size_t c = 0; c < table->columns; c++)
        append_cell(&line, table, c, head_of(table, c), table->widths[c]);
    print_line(&line, isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0'));
    buf_fini(&line);
    table->has_head = true;
}

void table_print(struct table *table)
{
    ensure(table->columns > 0, "a table without columns");
    for (size_t c = 0; c < table->columns; c++)
        widen(table, c, head_of(table, c));
    for (size_t i = 0; i < table->count; i++)
        widen(table, i % table->columns, table->cells[i]);
    if (!table->has_head)
        print_head(table);
    struct buf line = {0};
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;
        append_cell(&line, table, column, table->cells[i], table->widths[column]);
        if (column + 1 == table->columns)
            print_line(&line, false);
    }
    buf_fini(&line);
    clear(table);
}

/* cJSON copies strings as they are, valid or not; so they are encoded here. */
void table_json_text(struct cJSON *object, const char *name, struct slice text)
{
    struct buf encoded = {0};
    json_append_string(&encoded, text);
    cJSON_AddRawToObject(object, name, buf_text(&encoded));
    buf_fini(&encoded);
}

void table_json_int(struct cJSON *object, const char *name, int64_t value)
{
    if (value < 0) {
        cJSON_AddNullToObject(object, name);
        return;
    }
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    cJSON_AddRawToObject(object, name, text);
}

void table_json_raw(struct cJSON *object, const char *name, struct slice json)
{
    enum json_type type;
    if (json_check(json, JSON_MAX_DEPTH + 1, &type, NULL) != ST_OK) {
        table_json_text(object, name, json);
        return;
    }
    /* One value, one line: line ends between its parts are but white space. */
    char *text = slice_dup(json);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    cJSON_AddRawToObject(object, name, text);
    free(text);
}

/* What cJSON leaves as it is, and a terminal may not, is in strings, where it can be escaped. */
static void print_escaped(const char *json)
{
    size_t plain = 0, len = strlen(json), count;
    unsigned code;
    for (size_t i = 0; i < len;) {
        count = printable_control(json + i, len - i, &code);
        if (count == 0) {
            i++;
            continue;
        }
        fwrite(json + plain, 1, i - plain, stdout);
        printf("\\u%04x", code);
        plain = i += count;
    }
    fputs(json + plain, stdout);
}

static void print_value(struct cJSON *value)
{
    char *text = cJSON_PrintUnformatted(value);
    ensure(text != NULL, "out of memory");
    print_escaped(text);
    cJSON_free(text);
    cJSON_Delete(value);
}

void table_json_print(struct cJSON *value)
{
    print_value(value);
    putchar('\n');
}

void table_list_begin(struct table_list *list)
{
    *list = (struct table_list){.is_open = true};
    putchar('[');
}

void table_list_add(struct table_list *list, struct cJSON *value)
{
    if (list->count++ > 0)
        putchar(',');
    print_value(value);
}

void table_list_end(struct table_list *list)
{
    if (list->is_open)
        puts("]");
    list->is_open = false;
}
