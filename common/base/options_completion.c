/* --help=completion: the rows as lines from which tools/completion makes completions for shells. */
#include "base/options_state.h"

#include <stdio.h>
#include <string.h>

/* Tabs separate the fields and newlines the rows, so no text may contain them. */
static void print_field(const char *text)
{
    putchar('\t');
    for (; *text; text++)
        putchar(*text == '\t' || *text == '\n' ? ' ' : *text);
}

/* option NAME LETTER VALUE HOW HELP; VALUE "" for a flag, HOW "again" if it may be repeated. */
static void print_row(const struct option_row *row)
{
    char letter[2] = {row->letter, 0};
    bool has_value = row->type != OPT_FLAG;
    const char *value = row->value_name ? row->value_name : "VALUE";
    fputs("option", stdout);
    print_field(row->name);
    print_field(letter);
    print_field(has_value ? value : "");
    print_field(row->type == OPT_LIST ? "again" : "");
    print_field(row->help);
    putchar('\n');
}

void options_completion(const struct options_spec *spec)
{
    fputs("command", stdout);
    print_field(spec->program);
    print_field(spec->summary);
    putchar('\n');
    for (const struct option_row *row = spec->rows; row->name; row++)
        print_row(row);
    for (const struct option_row *own = options_own_rows(spec); own->name; own++)
        print_row(own);
}
