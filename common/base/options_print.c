/* --print-config: prints all values, and where each came from. */
#include "base/options_state.h"

#include <string.h>

#include "base/json.h"

static void print_line(const struct option_row *row, const struct option_value *value)
{
    struct buf text = {0};
    if (value)
        options_append_masked(row, value->text, &text);
    printf("%-20s %-30s %s\n", row->name, value ? buf_text(&text) : "-",
           value ? value->where : "default");
    buf_fini(&text);
}

static void print_json(const struct option_row *row, const struct option_value *value)
{
    struct buf text = {0}, line = {0};
    buf_append_text(&line, "{\"name\":");
    json_append_string(&line, slice_of(row->name));
    buf_append_text(&line, ",\"value\":");
    if (value) {
        options_append_masked(row, value->text, &text);
        json_append_string(&line, buf_slice(&text));
    } else {
        buf_append_text(&line, "null");
    }
    buf_append_text(&line, ",\"from\":");
    json_append_string(&line, slice_of(value ? value->where : "default"));
    fputs(buf_text(&line), stdout);
    putchar('}');
    buf_fini(&text);
    buf_fini(&line);
}

enum status options_print(const struct options_spec *spec, const char *format, struct err *err)
{
    const struct options_record *record = spec->record;
    bool is_json = strcmp(format, "json") == 0;
    if (!is_json && strcmp(format, "text") != 0)
        return err_set(err, ST_INVALID, "--print-config must be text or json, not '%.40s'", format);
    const char *gap = "[";
    for (const struct option_row *row = spec->rows; row->name; row++) {
        bool was_found = false;
        for (size_t i = 0; i <= record->count; i++) {
            bool is_end = i == record->count;
            if (is_end ? was_found : strcmp(record->values[i].name, row->name) != 0)
                continue;
            was_found = true;
            if (is_json)
                fputs(gap, stdout);
            gap = ",\n ";
            (is_json ? print_json : print_line)(row, is_end ? NULL : &record->values[i]);
        }
    }
    if (is_json)
        puts(gap[0] == '[' ? "[]" : "]");
    return ST_OK;
}
