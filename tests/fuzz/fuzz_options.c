#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/parse.h"
#include "job/retry.h"
#include "worker/handler/exec.h"
#include "worker/handler/registry.h"
#include "worker/program/command.h"

static void check_int(struct slice text)
{
    int64_t value = 0, bounded = 0;
    bool is_ok = parse_int(text, INT64_MIN, INT64_MAX, &value, NULL) == ST_OK;
    bool is_bounded = parse_int(text, -5, 500, &bounded, NULL) == ST_OK;
    ensure(is_bounded == (is_ok && value >= -5 && value <= 500), "the bounds do not hold");
    if (!is_ok)
        return;
    struct buf printed = {0};
    buf_append_int(&printed, value);
    ensure(slice_equal(text, buf_slice(&printed)) || slice_is(text, "-0"), "read as %lld",
           (long long)value);
    buf_fini(&printed);
}

static void check_duration(struct slice text)
{
    const int64_t ten_years_ms = 10LL * 366 * 86400000;
    int64_t value = 0, shown = 0;
    char out[PARSE_DURATION_MAX];
    if (parse_duration_ms(text, &value, NULL) != ST_OK)
        return;
    ensure(value >= 0 && value <= ten_years_ms, "%lld ms", (long long)value);
    /* What a person is shown may leave out the end, but never says more than there is. */
    struct slice printed = slice_of(format_duration_ms(value, out));
    ensure(parse_duration_ms(printed, &shown, NULL) == ST_OK, "%s is no duration", out);
    ensure(shown <= value && value - shown <= value / 10, "%lld ms is shown as %s",
           (long long)value, out);
}

static void check_bytes(struct slice text)
{
    int64_t value = 0;
    char out[PARSE_BYTES_MAX];
    if (parse_bytes(text, &value, NULL) != ST_OK)
        return;
    ensure(value >= 0, "%lld bytes", (long long)value);
    ensure(format_bytes(value, out)[0] != '-', "%lld is shown as %s", (long long)value, out);
}

static void check_backoff(struct slice text, uint64_t random)
{
    struct retry_backoff backoff;
    if (retry_parse_backoff(text, &backoff, NULL) != ST_OK)
        return;
    ensure(backoff.first_ms >= 0 && backoff.first_ms <= backoff.limit_ms, "%lld..%lld",
           (long long)backoff.first_ms, (long long)backoff.limit_ms);
    for (int64_t attempts = 1; attempts < 1000000; attempts *= 3) {
        int64_t delay = retry_delay_ms(&backoff, attempts, random);
        ensure(delay >= backoff.first_ms && delay <= backoff.limit_ms + backoff.limit_ms / 4,
               "%lld ms after %lld attempts", (long long)delay, (long long)attempts);
    }
}

/* ---- a command line ---- */

struct settings {
    bool is_on;
    const char *name;
    int64_t count, wait_ms, size;
    struct options_list list;
};

static void check_settings(const struct settings *settings)
{
    ensure(settings->name != NULL, "the default is missing");
    ensure(settings->count >= 1 && settings->count <= 64, "%lld", (long long)settings->count);
    ensure(settings->wait_ms >= 100 && settings->wait_ms <= 60000, "%lld ms",
           (long long)settings->wait_ms);
    ensure(settings->size >= 0, "%lld bytes", (long long)settings->size);
    for (size_t i = 0; i < settings->list.count; i++)
        ensure(settings->list.items[i] != NULL, "item %zu of the list is missing", i);
}

static const struct option_row size_rows[] = {
    {"size", 's', OPT_BYTES, 0, .default_text = "1MiB", .help = "a size"},
    OPTIONS_END,
};

static const struct option_row rows[] = {
    {"on", 'o', OPTION_FIELD(OPT_FLAG, struct settings, is_on), .help = "h"},
    {"name", 'n', OPTION_FIELD(OPT_STRING, struct settings, name), .default_text = "x",
     .help = "a name"},
    {"count", 'c', OPTION_FIELD(OPT_INT, struct settings, count), .default_text = "8", .min = 1,
     .max = 64, .help = "a number"},
    {"wait", 'w', OPTION_FIELD(OPT_DURATION, struct settings, wait_ms), .default_text = "1s",
     .min = 100, .max = 60000, .help = "a while", .is_secret = true},
    {OPTION_GROUP(size_rows, int64_t, struct settings, size)},
    {"list", 'l', OPTION_FIELD(OPT_LIST, struct settings, list), .help = "items"},
    OPTIONS_END,
};

/* The word at which the leading options end; NULL: there is none, or one wants a value. */
static char *find_first_other(const struct options_spec *spec, int argc, char **argv)
{
    int count = 0;
    struct err err = {0};
    enum status status = options_count_leading(spec, argc, argv, &count, &err);
    ensure(status == ST_OK || (status == ST_INVALID && err.text[0]), "no sentence");
    ensure(count >= 0 && count < argc, "%d of %d words", count, argc);
    for (int i = 1; i < argc; i++)
        (void)options_find(rows, argv[i]);
    return status == ST_OK ? argv[count + 1] : NULL;
}

static void parse_line(int argc, char **argv)
{
    struct settings settings = {0};
    const struct options_spec spec = {.program = "fuzz",
                                      .usage = "[options]",
                                      .summary = "A program.",
                                      .rows = rows,
                                      .target = &settings,
                                      .environment_prefix = "DARG_FUZZ_",
                                      .version = "0"};
    const char **operands = NULL;
    size_t operand_count = 0;
    bool is_done = false;
    struct err err = {0};
    const char *other = find_first_other(&spec, argc, argv);
    enum status status =
        options_parse(&spec, argc, argv, &operands, &operand_count, &is_done, &err);
    ensure(status == ST_OK || (status == ST_INVALID && err.text[0]), "no sentence");
    ensure(operand_count < (size_t)argc, "%zu operands", operand_count);
    if (status == ST_OK && !is_done) {
        bool is_operand = other && (other[0] != '-' || !other[1]);
        ensure(!is_operand || operands[0] == other, "'%s' is not the first operand", other);
        ensure(other || operand_count == 0, "an operand among leading options");
        check_settings(&settings);
    }
    free(operands);
    options_free_lists(rows, &settings);
}

/* Each line is an argument. */
static void check_command_line(const char *text)
{
    enum { ARGS_MAX = 16 };
    char name[] = "fuzz";
    char *argv[ARGS_MAX + 1] = {name};
    int argc = 1;
    char *copy = mem_dup(text), *rest = copy, *arg;
    while (argc < ARGS_MAX && (arg = strsep(&rest, "\n")))
        argv[argc++] = arg;
    argv[argc] = NULL;
    /* --help is written to standard output; glibc lets it be another stream for a while. */
    FILE *kept = stdout, *null = fopen("/dev/null", "w");
    ensure(null != NULL, "there is no /dev/null");
    stdout = null;
    parse_line(argc, argv);
    stdout = kept;
    (void)fclose(null);
    free(copy);
}

/* ---- a handler's command ---- */

static void append_quoted(struct buf *out, const char *word)
{
    buf_append_text(out, " '");
    for (; *word; word++) {
        if (*word == '\'')
            buf_append_text(out, "'\\''");
        else
            buf_append_char(out, *word);
    }
    buf_append_char(out, '\'');
}

/* The words, quoted as for a shell, are split into the same words again. */
static void check_command(const char *text)
{
    struct buf line = {0};
    struct command *first = NULL, *again = NULL;
    buf_printf(&line, "/bin/sh %s", text);
    if (command_parse(buf_text(&line), &first, NULL) == ST_OK) {
        buf_clear(&line);
        for (size_t i = 0; i < first->word_count; i++)
            append_quoted(&line, first->words[i]);
        ensure(command_parse(buf_text(&line), &again, NULL) == ST_OK, "refused: %s",
               buf_text(&line));
        ensure(again->word_count == first->word_count && again->wants_args == first->wants_args,
               "%zu words, then %zu", first->word_count, again->word_count);
        for (size_t i = 0; i < first->word_count; i++)
            ensure(strcmp(first->words[i], again->words[i]) == 0, "%s, then %s", first->words[i],
                   again->words[i]);
        ensure(first->words[first->word_count] == NULL, "the words have no end");
    }
    command_free(first);
    command_free(again);
    buf_fini(&line);
}

static void check_handler(const char *text)
{
    struct registry *registry = registry_new();
    struct err err = {0};
    enum status status = registry_add_option(registry, text, &err);
    ensure(status == ST_OK || (status == ST_INVALID && err.text[0]), "no sentence");
    if (status == ST_OK) {
        char *type = slice_dup((struct slice){text, strcspn(text, "=")});
        ensure(registry_find(registry, type) != NULL, "the handler of %s is not found", type);
        free(type);
    }
    registry_free(registry);
}

void fuzz_options(const uint8_t *data, size_t size)
{
    struct slice bytes = fuzz_slice(data, size);
    check_int(bytes);
    check_duration(bytes);
    check_bytes(bytes);
    check_backoff(bytes, size * 0x9e3779b97f4a7c15u + fuzz_first(bytes));
    char *text = slice_dup(bytes);
    check_command_line(text);
    check_command(text);
    check_handler(text);
    free(text);
}
