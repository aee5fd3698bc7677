/* --help, from the same rows as the parser. */
#include "base/options_state.h"

#include <string.h>

enum { LABEL_MAX = 30, WIDTH = 100 };

static void append_label(const struct option_row *row, struct buf *out)
{
    if (row->letter)
        buf_printf(out, "-%c, ", row->letter);
    else
        buf_append_text(out, "    ");
    buf_printf(out, "--%s", row->name);
    if (row->type != OPT_FLAG)
        buf_printf(out, " %s", row->value_name ? row->value_name : "VALUE");
    else if (row->value_name)
        buf_append_text(out, row->value_name); /* an optional value: "[=json]" */
}

/* Prints text from column `indent` on, wrapped at blanks; the cursor is there already. */
static void print_wrapped(FILE *out, const char *text, size_t indent)
{
    size_t column = indent;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column > indent && column + 1 + word > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, word, out);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const struct option_row *row, size_t width)
{
    struct buf label = {0}, help = {0};
    append_label(row, &label);
    buf_append_text(&help, row->help);
    if (row->default_text && row->default_text[0] && !row->is_secret)
        buf_printf(&help, " (%s)", row->default_text);
    fprintf(out, "  %-*s", (int)width, buf_text(&label));
    if (label.len > width)
        fprintf(out, "\n  %*s", (int)width, "");
    fputs("  ", out);
    print_wrapped(out, buf_text(&help), width + 4);
    buf_fini(&label);
    buf_fini(&help);
}

static size_t label_width(const struct options_spec *spec)
{
    size_t width = 0;
    for (const struct option_row *row = spec->rows; row->name; row++) {
        struct buf label = {0};
        append_label(row, &label);
        if (label.len > width && label.len <= LABEL_MAX)
            width = label.len;
        buf_fini(&label);
    }
    return width > 13 ? width : 13;
}

/* With an option of this very program: another would be looked for in vain. */
static void print_environment(const struct options_spec *spec, FILE *out)
{
    const struct option_row *row = spec->rows;
    while (row->name && (row->no_environment || row->environment))
        row++;
    if (!spec->environment_prefix || !row->name)
        return;
    struct buf name = {0};
    options_environment_name(spec, row->name, &name);
    fprintf(out, "\nAn option that is not given may be read from the environment: --%s from %s.\n",
            row->name, buf_text(&name));
    buf_fini(&name);
}

void options_help(const struct options_spec *spec, FILE *out)
{
    size_t width = label_width(spec);
    fprintf(out, "Usage: %s %s\n\n%s\n", spec->program, spec->usage, spec->summary);
    if (spec->examples)
        fprintf(out, "\nExamples:\n%s", spec->examples);
    fprintf(out, "\nOptions:\n");
    for (const struct option_row *row = spec->rows; row->name; row++)
        print_row(out, row, width);
    for (const struct option_row *own = options_own_rows(spec); own->name; own++)
        print_row(out, own, width);
    print_environment(spec, out);
}

enum status options_help_as(const struct options_spec *spec, const char *format, struct err *err)
{
    if (strcmp(format, "text") == 0) {
        options_help(spec, stdout);
    } else if (strcmp(format, "man") == 0) {
        options_man(spec);
    } else if (strcmp(format, "completion") == 0) {
        options_completion(spec);
    } else {
        return err_set(err, ST_INVALID, "--help must be text, man or completion, not '%.40s'",
                       format);
    }
    return ST_OK;
}
