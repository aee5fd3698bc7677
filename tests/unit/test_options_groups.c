/* Tables of options that stand in other tables, and options before the first operand. */
#include "support/cmocka_all.h"

#include "base/options.h"
#include "support/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
    const char *url;
    int64_t port;
    struct options_list names;
};

struct values {
    bool is_on;
    struct place first, second;
};

static const struct option_row port_rows[] = {
    {"port", 'p', OPT_INT, 0, .value_name = "N", .help = "h"},
    OPTIONS_END,
};

static const struct option_row first_rows[] = {
    {"url", 'u', OPTION_FIELD(OPT_STRING, struct place, url), .help = "h"},
    {OPTION_GROUP(port_rows, int64_t, struct place, port)},
    {"name", 0, OPTION_FIELD(OPT_LIST, struct place, names), .help = "h"},
    OPTIONS_END,
};

static const struct option_row second_rows[] = {
    {"to", 't', OPTION_FIELD(OPT_STRING, struct place, url), .help = "h"},
    OPTIONS_END,
};

static const struct option_row rows[] = {
    {OPTION_GROUP(first_rows, struct place, struct values, first)},
    {"on", 'o', OPTION_FIELD(OPT_FLAG, struct values, is_on), .help = "h"},
    {OPTION_GROUP(second_rows, struct place, struct values, second), .no_environment = true},
    OPTIONS_END,
};

static struct options_record record;
static struct err err;

static struct options_spec spec_for(struct values *values)
{
    return (struct options_spec){.program = "prog",
                                 .usage = "[options]",
                                 .summary = "Does things.",
                                 .rows = rows,
                                 .target = values,
                                 .environment_prefix = "OPTGROUPS_",
                                 .version = "prog 1",
                                 .record = &record};
}

enum { WORDS_MAX = 16 };

/* Single blanks part the words of a line. */
static int split(char *text, char **argv)
{
    char *save = NULL;
    int argc = 0;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    return argc;
}

static void parse(const char *line, struct values *values)
{
    char text[256], *argv[WORDS_MAX] = {NULL};
    const char **operands = NULL;
    size_t count = 0;
    bool done = false;
    const struct options_spec spec = spec_for(values);
    *values = (struct values){0};
    snprintf(text, sizeof text, "prog %s", line);
    int argc = split(text, argv);
    if (options_parse(&spec, argc, argv, &operands, &count, &done, &err) != ST_OK)
        fail_msg("%s: %s", line, err_text(&err));
    free(operands);
}

static void forget(struct values *values)
{
    options_free_lists(rows, values);
    options_record_fini(&record);
}

static void test_each_group_has_its_place(void **state)
{
    (void)state;
    struct values values;
    parse("-u here --port 7 --on --to there --name a --name b", &values);
    assert_true(values.is_on);
    assert_string_equal(values.first.url, "here");
    assert_int_equal(values.first.port, 7);
    assert_int_equal(values.first.names.count, 2);
    assert_string_equal(values.first.names.items[1], "b");
    assert_string_equal(values.second.url, "there");
    assert_string_equal(options_where(&record, "to"), "--to");
    forget(&values);
    assert_null(values.first.names.items);
}

static void test_what_a_group_forbids(void **state)
{
    (void)state;
    struct values values;
    setenv("OPTGROUPS_URL", "of the environment", 1);
    setenv("OPTGROUPS_TO", "of the environment", 1);
    parse("", &values);
    unsetenv("OPTGROUPS_URL");
    unsetenv("OPTGROUPS_TO");
    assert_string_equal(values.first.url, "of the environment");
    assert_null(values.second.url);
    forget(&values);
}

static void test_a_word_finds_its_row(void **state)
{
    (void)state;
    assert_ptr_equal(options_find(rows, "--port"), &port_rows[0]);
    assert_ptr_equal(options_find(rows, "--port=7"), &port_rows[0]);
    assert_ptr_equal(options_find(rows, "-p7"), &port_rows[0]);
    assert_ptr_equal(options_find(rows, "--to"), &second_rows[0]);
    assert_null(options_find(rows, "--por"));
    assert_null(options_find(rows, "--ports"));
    assert_null(options_find(rows, "-x"));
    assert_null(options_find(rows, "--"));
    assert_null(options_find(rows, "on"));
}

/* How many words lead; -1: refused. */
static int count_leading(const char *line)
{
    char text[256], *argv[WORDS_MAX] = {NULL};
    int count = -2;
    struct values values = {0};
    const struct options_spec spec = spec_for(&values);
    snprintf(text, sizeof text, "prog %s", line);
    int argc = split(text, argv);
    enum status status = options_count_leading(&spec, argc, argv, &count, &err);
    assert_true(status == ST_OK || status == ST_INVALID);
    assert_null(values.first.url);
    return status == ST_OK ? count : -1;
}

static void test_leading_options(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int count;
    } cases[] = {
        {"", 0},
        {"push", 0},
        {"push --on", 0},
        {"--on push", 1},
        {"--url x push -o", 2},
        {"--url=x push", 1},
        {"--ur x push", 2}, /* getopt_long() takes beginnings */
        {"-ux -u y -ou z push", 5},
        {"-o --config /tmp/x --print-config=json push", 4},
        {"--on", 1},
        {"--on --unknown push", 1},
        {"-ox push", 0},
        {"--on --help", 1},
        {"-h", 0},
        {"--version push", 0},
        {"-o -- push", 1},
        {"- push", 0},
        {"--url -- push", 2}, /* a value, whatever it looks like */
        {"--url", -1},
        {"-o -u", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int count = count_leading(cases[i].line);
        if (count != cases[i].count)
            fail_msg("'%s': %d", cases[i].line, count);
    }
    assert_int_equal(count_leading("--on --url"), -1);
    assert_string_equal(err_text(&err), "--url needs a value");
}

static void test_how_large_the_struct_has_to_be(void **state)
{
    (void)state;
    assert_int_equal(options_extent(rows), offsetof(struct values, second) +
                                               offsetof(struct place, url) + sizeof(const char *));
    assert_int_equal(options_extent(first_rows), sizeof(struct place));
    assert_int_equal(options_extent(&(const struct option_row)OPTIONS_END), 0);
}

/* A value would be written over what stands behind its field. */
static void test_a_field_that_does_not_fit(void **state)
{
    (void)state;
    script_run("option-fields", NULL, 50 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_group_has_its_place),
        cmocka_unit_test(test_what_a_group_forbids),
        cmocka_unit_test(test_a_word_finds_its_row),
        cmocka_unit_test(test_leading_options),
        cmocka_unit_test(test_how_large_the_struct_has_to_be),
        cmocka_unit_test(test_a_field_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
