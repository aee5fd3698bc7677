/* The part of a manual page that comes from the rows, in roff with the man macros. */
#include "base/options_state.h"

#include <stdlib.h>
#include <string.h>

/* Prints a line of text, with escapes for what roff would take for commands. */
static void print_text(const char *text)
{
    for (bool at_start = true; *text; text++) {
        if (at_start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        at_start = *text == '\n';
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
    putchar('\n');
}

static void print_row(const struct option_row *row)
{
    struct buf help = {0};
    fputs(".TP\n", stdout);
    if (row->letter)
        printf("\\fB\\-%c\\fR, ", row->letter);
    struct buf name = {0};
    buf_printf(&name, "\\fB--%s\\fR", row->name);
    if (row->value_name)
        buf_printf(&name, "%s\\fI%s\\fR", row->type == OPT_FLAG ? "" : " ", row->value_name);
    for (const char *at = buf_text(&name); *at; at++)
        fputs(*at == '-' ? "\\-" : (char[]){*at, 0}, stdout);
    putchar('\n');
    buf_append_text(&help, row->help);
    if (row->default_text && row->default_text[0] && !row->is_secret)
        buf_printf(&help, " (%s)", row->default_text);
    print_text(buf_text(&help));
    buf_fini(&name);
    buf_fini(&help);
}

void options_man(const struct options_spec *spec)
{
    fputs(".SS ", stdout);
    printf("\"%s %s\"\n", spec->program, spec->usage);
    print_text(spec->summary);
    for (const struct option_row *row = spec->rows; row->name; row++)
        print_row(row);
    for (const struct option_row *own = options_own_rows(spec); own->name; own++)
        print_row(own);
    if (!spec->examples)
        return;
    fputs(".PP\nExamples:\n.PP\n.nf\n", stdout);
    struct slice examples = slice_of(spec->examples);
    if (examples.len > 0 && examples.ptr[examples.len - 1] == '\n')
        examples.len--;
    char *text = slice_dup(examples);
    print_text(text);
    free(text);
    fputs(".fi\n", stdout);
}
