#include "base/options_state.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* Values for getopt_long() to return: rows count from FIRST_ROW, the options that every program has
 * from FIRST_OWN. */
enum { FIRST_ROW = 1000, FIRST_OWN = 900, NAMES_MAX = 128, NAME_SHOWN_MAX = 40 };

static const struct option_row own_rows[] = {
    {.name = "config",
     .type = OPT_STRING,
     .value_name = "FILE",
     .help = "read options from FILE; flags and the environment take precedence"},
    {.name = "print-config",
     .type = OPT_FLAG,
     .value_name = "[=json]",
     .help = "show all values and where they came from"},
    {.name = "help", .letter = 'h', .type = OPT_FLAG, .help = "show this help"},
    {.name = "version", .letter = 'V', .type = OPT_FLAG, .help = "show the version"},
    {.name = NULL},
};
enum { OWN_CONFIG, OWN_PRINT_CONFIG, OWN_HELP, OWN_VERSION, OWN_COUNT };

const struct option_row *options_own_rows(const struct options_spec *spec)
{
    return &own_rows[spec->record ? OWN_CONFIG : OWN_HELP];
}

/* A command line while it is read. */
struct parsing {
    const struct options_spec *spec;
    int argc;
    char **argv;
    bool *given;             /* by row */
    const char *config_path; /* NULL: none */
    const char *print;       /* format of --print-config; NULL: not asked for */
    bool is_done;
};

static size_t count_rows(const struct options_spec *spec)
{
    size_t count = 0;
    while (spec->rows[count].name)
        count++;
    return count;
}

static void build_long_options(const struct options_spec *spec, size_t count, struct option *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = &spec->rows[i];
        int argument = row->type == OPT_FLAG ? no_argument : required_argument;
        out[i] = (struct option){row->name, argument, NULL, FIRST_ROW + (int)i};
    }
    for (const struct option_row *own = options_own_rows(spec); own->name; own++) {
        int number = (int)(own - own_rows);
        bool is_plain = number == OWN_VERSION;
        int argument = number == OWN_CONFIG ? required_argument
                       : is_plain           ? no_argument
                                            : optional_argument;
        out[count++] = (struct option){own->name, argument, NULL, FIRST_OWN + number};
    }
    out[count] = (struct option){0};
}

/* order: '+' to end at the first operand, 0 to go on after it. */
static void build_letters(const struct options_spec *spec, char order, char *out)
{
    if (order)
        *out++ = order;
    *out++ = ':'; /* lets a missing value be told from an unknown option */
    for (const struct option_row *row = spec->rows; row->name; row++) {
        if (!row->letter)
            continue;
        *out++ = row->letter;
        if (row->type != OPT_FLAG)
            *out++ = ':';
    }
    *out++ = 'h';
    *out++ = 'V';
    *out = 0;
}

static enum status refuse_unknown(const struct options_spec *spec, char *const *argv,
                                  struct err *err)
{
    const char *names[NAMES_MAX + OWN_COUNT + 1];
    size_t count = 0;
    const char *word = argv[optind - 1];
    if (optopt && optopt < FIRST_OWN)
        return err_set(err, ST_INVALID, "unknown option -%c; see %s --help", optopt, spec->program);
    if (optopt)
        return err_set(err, ST_INVALID, "%.60s takes no value", word);
    for (; spec->rows[count].name && count < NAMES_MAX; count++)
        names[count] = spec->rows[count].name;
    for (const struct option_row *own = options_own_rows(spec); own->name; own++)
        names[count++] = own->name;
    names[count] = NULL;
    char typed[NAME_SHOWN_MAX + 1];
    snprintf(typed, sizeof typed, "%s", word + 2);
    typed[strcspn(typed, "=")] = 0;
    const char *nearest = options_suggest(typed, names);
    if (nearest)
        return err_set(err, ST_INVALID, "unknown option --%s; did you mean --%s?", typed, nearest);
    return err_set(err, ST_INVALID, "unknown option --%s; see %s --help", typed, spec->program);
}

/* A letter may be at the end of a bundle; a long name is a word by itself. */
static enum status refuse_missing(char *const *argv, struct err *err)
{
    if (optopt < FIRST_OWN)
        return err_set(err, ST_INVALID, "-%c needs a value", optopt);
    return err_set(err, ST_INVALID, "%.60s needs a value", argv[optind - 1]);
}

/* getopt_long() returns only letters that are in the table. */
static const struct option_row *find_letter(const struct options_spec *spec, int letter)
{
    const struct option_row *row = spec->rows;
    while (row->name && row->letter != letter)
        row++;
    ensure(row->name != NULL, "option -%c", letter);
    return row;
}

/* The option as the user wrote it, for an error. */
static const char *written_name(const struct option_row *row, bool is_letter, char out[64])
{
    if (is_letter)
        snprintf(out, 64, "-%c", row->letter);
    else
        snprintf(out, 64, "--%s", row->name);
    return out;
}

static enum status act_on_own(struct parsing *parsing, int number, struct err *err)
{
    const struct options_spec *spec = parsing->spec;
    switch (number) {
    case OWN_CONFIG:
        parsing->config_path = optarg;
        return ST_OK;
    case OWN_PRINT_CONFIG:
        parsing->print = optarg ? optarg : "text";
        return ST_OK;
    case OWN_HELP:
        parsing->is_done = true;
        return options_help_as(spec, optarg ? optarg : "text", err);
    default:
        parsing->is_done = true;
        printf("%s\n", spec->version);
        return ST_OK;
    }
}

static enum status act_on_flag(struct parsing *parsing, int found, struct err *err)
{
    const struct options_spec *spec = parsing->spec;
    bool is_letter = found < FIRST_OWN;
    char name[64];
    if (found == 'h' || found == 'V')
        return act_on_own(parsing, found == 'h' ? OWN_HELP : OWN_VERSION, err);
    if (!is_letter && found < FIRST_ROW)
        return act_on_own(parsing, found - FIRST_OWN, err);
    const struct option_row *row =
        is_letter ? find_letter(spec, found) : &spec->rows[found - FIRST_ROW];
    parsing->given[row - spec->rows] = true;
    written_name(row, is_letter, name);
    return options_set(spec, row, row->type == OPT_FLAG ? NULL : optarg, name, name, err);
}

/* The tables that getopt_long() takes. */
struct tables {
    struct option *longs;
    char *letters;
};

static struct tables begin_getopt(const struct options_spec *spec, char order)
{
    size_t count = count_rows(spec);
    struct tables tables = {.longs = mem_array(count + OWN_COUNT + 1, sizeof *tables.longs),
                            .letters = mem_new(2 * count + 5)};
    build_long_options(spec, count, tables.longs);
    build_letters(spec, order, tables.letters);
    optind = 0; /* starts over, also for a second command line in the same process */
    opterr = 0;
    return tables;
}

static void end_getopt(struct tables *tables)
{
    free(tables->longs);
    free(tables->letters);
}

static enum status parse_flags(struct parsing *parsing, struct err *err)
{
    const struct options_spec *spec = parsing->spec;
    struct tables with = begin_getopt(spec, 0);
    enum status status = ST_OK;
    int found;
    while (status == ST_OK && !parsing->is_done &&
           (found = getopt_long(parsing->argc, parsing->argv, with.letters, with.longs, NULL)) !=
               -1) {
        if (found == '?')
            status = refuse_unknown(spec, parsing->argv, err);
        else if (found == ':')
            status = refuse_missing(parsing->argv, err);
        else
            status = act_on_flag(parsing, found, err);
    }
    end_getopt(&with);
    return status;
}

void options_environment_name(const struct options_spec *spec, const char *option, struct buf *out)
{
    buf_append_text(out, spec->environment_prefix);
    for (const char *at = option; *at; at++)
        buf_append_char(out, (char)(*at == '-' ? '_' : toupper((unsigned char)*at)));
}

/* The value of the first variable that is set and not empty; its name is put into `name`. */
static const char *find_variable(const struct options_spec *spec, const struct option_row *row,
                                 struct buf *name)
{
    if (!spec->environment_prefix || row->no_environment)
        return NULL;
    const char *rest = row->environment;
    do {
        size_t len = rest ? strcspn(rest, " ") : 0;
        buf_clear(name);
        if (rest)
            buf_append(name, rest, len);
        else
            options_environment_name(spec, row->name, name);
        const char *value = getenv(buf_text(name));
        if (value && *value)
            return value;
        rest = rest && rest[len] ? rest + len + 1 : NULL;
    } while (rest);
    return NULL;
}

/* Sets a row that no flag has set: from the environment, the file or the default. */
static enum status fill_row(const struct options_spec *spec, const struct option_row *row,
                            struct err *err)
{
    struct buf name = {0};
    bool found = false;
    enum status status = ST_OK;
    const char *value = find_variable(spec, row, &name);
    if (value)
        status = options_set(spec, row, value, buf_text(&name), buf_text(&name), err);
    else if (spec->record)
        status = options_set_from_file(spec, row, &found, err);
    if (status == ST_OK && !value && !found && row->default_text)
        status = options_set(spec, row, row->default_text, "default", row->name, err);
    buf_fini(&name);
    return status;
}

static enum status read_file(const struct parsing *parsing, struct err *err)
{
    const struct options_spec *spec = parsing->spec;
    struct buf name = {0};
    const char *path = parsing->config_path;
    if (!spec->record)
        return ST_OK;
    if (!path)
        path = find_variable(spec, &own_rows[OWN_CONFIG], &name);
    buf_fini(&name);
    return path ? options_read_file(spec, path, err) : ST_OK;
}

static enum status fill_rest(struct parsing *parsing, struct err *err)
{
    const struct options_spec *spec = parsing->spec;
    enum status status = read_file(parsing, err);
    for (size_t i = 0; status == ST_OK && spec->rows[i].name; i++)
        if (!parsing->given[i])
            status = fill_row(spec, &spec->rows[i], err);
    if (status == ST_OK && parsing->print) {
        parsing->is_done = true;
        status = options_print(spec, parsing->print, err);
    }
    return status;
}

static enum status parse(const struct options_spec *spec, int argc, char **argv,
                         const char ***operands, size_t *operand_count, bool *done, struct err *err)
{
    struct parsing parsing = {.spec = spec, .argc = argc, .argv = argv};
    parsing.given = mem_array(count_rows(spec) + 1, sizeof *parsing.given);
    *operands = NULL;
    *operand_count = 0;
    if (spec->record)
        *spec->record = (struct options_record){0};
    enum status status = parse_flags(&parsing, err);
    if (status == ST_OK && !parsing.is_done)
        status = fill_rest(&parsing, err);
    free(parsing.given);
    *done = parsing.is_done;
    if (status != ST_OK || *done)
        return status;
    *operand_count = (size_t)(argc - optind);
    *operands = mem_array(*operand_count + 1, sizeof **operands);
    for (size_t i = 0; i < *operand_count; i++)
        (*operands)[i] = argv[optind + (int)i];
    return ST_OK;
}

enum status options_parse(const struct options_spec *spec, int argc, char **argv,
                          const char ***operands, size_t *operand_count, bool *done,
                          struct err *err)
{
    struct option_row *rows = options_flatten(spec->rows);
    struct options_spec flat = *spec;
    flat.rows = rows;
    enum status status = parse(&flat, argc, argv, operands, operand_count, done, err);
    free(rows);
    return status;
}

/* True for an option that may come before a command: one with a row, --config or --print-config. */
static bool may_lead(int found)
{
    return found != '?' && found != 'h' && found != 'V' && found != FIRST_OWN + OWN_HELP &&
           found != FIRST_OWN + OWN_VERSION;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && strcmp(word, "--") != 0;
}

enum status options_count_leading(const struct options_spec *spec, int argc, char **argv,
                                  int *count, struct err *err)
{
    struct option_row *rows = options_flatten(spec->rows);
    struct options_spec flat = *spec;
    flat.rows = rows;
    struct tables with = begin_getopt(&flat, '+');
    enum status status = ST_OK;
    bool is_leading = true;
    *count = 0;
    while (status == ST_OK && is_leading && *count + 1 < argc && is_option(argv[*count + 1])) {
        int found = getopt_long(argc, argv, with.letters, with.longs, NULL);
        is_leading = may_lead(found);
        if (found == ':')
            status = refuse_missing(argv, err);
        else if (is_leading)
            *count = optind - 1; /* optind does not move within a bundle of letters */
    }
    end_getopt(&with);
    free(rows);
    return status;
}
