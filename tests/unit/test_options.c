#include "support/cmocka_all.h"

#include "base/buf.h"
#include "base/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One program's options, of every type. */
static struct values {
    bool burst;
    const char *name, *password;
    int64_t threads, any, timeout, size;
    struct options_list queues;
} o;

static const struct option_row rows[] = {
    {.name = "burst",
     .letter = 'b',
     OPTION_FIELD(OPT_FLAG, struct values, burst),
     .help = "stop when empty"},
    {.name = "name", .letter = 'n', OPTION_FIELD(OPT_STRING, struct values, name), .help = "who"},
    {.name = "password",
     OPTION_FIELD(OPT_STRING, struct values, password),
     .default_text = "hunter2",
     .help = "the password",
     .is_secret = true},
    {.name = "secret-size",
     OPTION_FIELD(OPT_BYTES, struct values, size),
     .help = "a secret number",
     .is_secret = true},
    {.name = "threads",
     .letter = 't',
     OPTION_FIELD(OPT_INT, struct values, threads),
     .value_name = "N",
     .default_text = "10",
     .min = 1,
     .max = 1000,
     .help = "how many"},
    {.name = "any", OPTION_FIELD(OPT_INT, struct values, any), .help = "unbounded"},
    {.name = "shutdown-timeout",
     OPTION_FIELD(OPT_DURATION, struct values, timeout),
     .value_name = "DURATION",
     .default_text = "25s",
     .min = 100,
     .max = 3600000,
     .help = "how long"},
    {.name = "max-size",
     OPTION_FIELD(OPT_BYTES, struct values, size),
     .value_name = "SIZE",
     .default_text = "1MiB",
     .min = 1024,
     .max = 1 << 30,
     .help = "how large"},
    {.name = "queue",
     .letter = 'q',
     OPTION_FIELD(OPT_LIST, struct values, queues),
     .value_name = "NAME",
     .default_text = "default",
     .help = "which, again and again"},
    {.name = "local",
     OPTION_FIELD(OPT_FLAG, struct values, burst),
     .help = "h",
     .no_environment = true},
    {.name = NULL},
};

static const struct options_spec spec = {
    .program = "prog",
    .usage = "[options] FILE...",
    .summary = "Does things.",
    .rows = rows,
    .target = &o,
    .environment_prefix = "OPTTEST_",
    .version = "prog 1.2.3",
};

static char program[] = "prog";
static const char **operands;
static size_t operand_count;
static bool done;
static struct err err;

static int tear_down(void **state)
{
    (void)state;
    free(operands);
    operands = NULL;
    options_list_fini(&o.queues);
    memset(&o, 0, sizeof o);
    for (const char *const *name =
             (const char *const[]){"BURST", "NAME", "PASSWORD", "THREADS", "SHUTDOWN_TIMEOUT",
                                   "QUEUE", "LOCAL", "SECRET_SIZE", NULL};
         *name; name++) {
        char full[64];
        snprintf(full, sizeof full, "OPTTEST_%s", *name);
        unsetenv(full);
    }
    return 0;
}

enum { WORDS_MAX = 16 };

/* Parses a command line given with single blanks between its words. */
static enum status parse(const char *line)
{
    static char text[512];
    char *argv[WORDS_MAX + 1] = {NULL}, *save = NULL;
    int argc = 0;
    assert_true(strlen(line) < sizeof text);
    tear_down(NULL);
    snprintf(text, sizeof text, "prog %s", line);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
    }
    err = (struct err){0};
    return options_parse(&spec, argc, argv, &operands, &operand_count, &done, &err);
}

/* As parse(), with one variable of the environment set. */
static enum status parse_with(const char *variable, const char *value, const char *line)
{
    static char text[512];
    char *argv[] = {program, text, NULL};
    tear_down(NULL);
    setenv(variable, value, 1);
    snprintf(text, sizeof text, "%s", line);
    err = (struct err){0};
    return options_parse(&spec, *line ? 2 : 1, argv, &operands, &operand_count, &done, &err);
}

static void accept(const char *line)
{
    if (parse(line) != ST_OK)
        fail_msg("%s: %s", line, err_text(&err));
    assert_false(done);
}

static void refuse(const char *line, const char *sentence)
{
    if (parse(line) != ST_INVALID)
        fail_msg("'%s' was taken", line);
    assert_string_equal(err_text(&err), sentence);
    assert_null(operands);
}

static void test_defaults(void **state)
{
    (void)state;
    accept("");
    assert_false(o.burst);
    assert_null(o.name);
    assert_int_equal(o.threads, 10);
    assert_int_equal(o.timeout, 25000);
    assert_int_equal(o.size, 1 << 20);
    assert_int_equal(o.queues.count, 1);
    assert_string_equal(o.queues.items[0], "default");
    assert_int_equal(operand_count, 0);
    assert_non_null(operands);
}

static void test_values_of_every_type(void **state)
{
    (void)state;
    accept("--burst --name=me --threads 5 --any 123456789012 --shutdown-timeout=1m30s "
           "--max-size 64KiB --queue a --queue=b -q c");
    assert_true(o.burst);
    assert_string_equal(o.name, "me");
    assert_int_equal(o.threads, 5);
    assert_true(o.any == 123456789012);
    assert_int_equal(o.timeout, 90000);
    assert_int_equal(o.size, 65536);
    assert_int_equal(o.queues.count, 3);
    assert_string_equal(o.queues.items[0], "a");
    assert_string_equal(o.queues.items[1], "b");
    assert_string_equal(o.queues.items[2], "c");
}

static void test_letters(void **state)
{
    (void)state;
    accept("-bt7 -n me");
    assert_true(o.burst);
    assert_int_equal(o.threads, 7);
    assert_string_equal(o.name, "me");
    accept("-bn -b");
    assert_string_equal(o.name, "-b"); /* a value, whatever it looks like */
}

static void test_last_one_wins(void **state)
{
    (void)state;
    accept("-t 1 --threads 2 -t3");
    assert_int_equal(o.threads, 3);
}

static void test_operands_stand_anywhere(void **state)
{
    (void)state;
    accept("one -t 2 two --burst - three");
    assert_int_equal(o.threads, 2);
    assert_true(o.burst);
    assert_int_equal(operand_count, 4);
    assert_string_equal(operands[0], "one");
    assert_string_equal(operands[1], "two");
    assert_string_equal(operands[2], "-");
    assert_string_equal(operands[3], "three");
}

static void test_two_dashes_end_the_options(void **state)
{
    (void)state;
    accept("one -b -- -t --name");
    assert_true(o.burst);
    assert_int_equal(o.threads, 10);
    assert_int_equal(operand_count, 3);
    assert_string_equal(operands[0], "one");
    assert_string_equal(operands[1], "-t");
    assert_string_equal(operands[2], "--name");
}

static void test_ranges_include_their_ends(void **state)
{
    (void)state;
    accept("-t 1 --shutdown-timeout 100ms --max-size 1024");
    accept("-t 1000 --shutdown-timeout 1h --max-size 1GiB");
    accept("--any 0");
    refuse("-t 0", "-t: '0' is not a whole number from 1 to 1000");
    refuse("--threads 1001", "--threads: '1001' is not a whole number from 1 to 1000");
    refuse("--any -1", "--any: '-1' is not a whole number from 0 to 9223372036854775807");
    refuse("--shutdown-timeout 99ms", "--shutdown-timeout: '99ms' is not between 100ms and 1h");
    refuse("--shutdown-timeout 3601s", "--shutdown-timeout: '3601s' is not between 100ms and 1h");
    refuse("--max-size 1023", "--max-size: '1023' is not between 1KiB and 1GiB");
    refuse("--max-size 2G", "--max-size: '2G' is not between 1KiB and 1GiB");
}

static void test_bad_values_are_named_as_written(void **state)
{
    (void)state;
    refuse("-t x", "-t: 'x' is not a whole number from 1 to 1000");
    refuse("-bt x", "-t: 'x' is not a whole number from 1 to 1000");
    refuse("--threads=x", "--threads: 'x' is not a whole number from 1 to 1000");
    refuse("--shutdown-timeout 5",
           "--shutdown-timeout: '5' is not a duration like 500ms, 30s, 5m, 1h30m or 2d "
           "(at most 10 years)");
    refuse("--max-size big", "--max-size: 'big' is not a size like 512, 64KiB, 1MiB or 2GB");
}

static void test_missing_and_superfluous_values(void **state)
{
    (void)state;
    refuse("--threads", "--threads needs a value");
    refuse("x -t", "-t needs a value");
    refuse("-bt", "-t needs a value");
    refuse("--burst=yes", "--burst=yes takes no value");
}

static void test_unknown_options(void **state)
{
    (void)state;
    refuse("--thraeds 5", "unknown option --thraeds; did you mean --threads?");
    refuse("--thread-count=5", "unknown option --thread-count; see prog --help");
    refuse("--quue=a", "unknown option --quue; did you mean --queue?");
    refuse("--hlep", "unknown option --hlep; did you mean --help?");
    refuse("--xyzzy", "unknown option --xyzzy; see prog --help");
    refuse("--no-burst", "unknown option --no-burst; see prog --help");
    refuse("-x", "unknown option -x; see prog --help");
    refuse("-bx", "unknown option -x; see prog --help");
}

static void test_environment(void **state)
{
    (void)state;
    assert_int_equal(parse_with("OPTTEST_THREADS", "77", ""), ST_OK);
    assert_int_equal(o.threads, 77);
    assert_int_equal(parse_with("OPTTEST_THREADS", "77", "-t5"), ST_OK);
    assert_int_equal(o.threads, 5); /* the command line comes first */
    assert_int_equal(parse_with("OPTTEST_THREADS", "", ""), ST_OK);
    assert_int_equal(o.threads, 10); /* empty is as if it were not there */
    assert_int_equal(parse_with("OPTTEST_SHUTDOWN_TIMEOUT", "2s", ""), ST_OK);
    assert_int_equal(o.timeout, 2000);
    assert_int_equal(parse_with("OPTTEST_QUEUE", "env", ""), ST_OK);
    assert_int_equal(o.queues.count, 1);
    assert_string_equal(o.queues.items[0], "env");
    assert_int_equal(parse_with("OPTTEST_QUEUE", "env", "-qflag"), ST_OK);
    assert_int_equal(o.queues.count, 1);
    assert_string_equal(o.queues.items[0], "flag");
    assert_int_equal(parse_with("OPTTEST_LOCAL", "maybe", ""), ST_OK); /* not looked at */
    assert_false(o.burst);
}

static void test_flags_in_the_environment(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "true", "yes"}, *const no[] = {"0", "false", "no"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(parse_with("OPTTEST_BURST", yes[i], ""), ST_OK);
        assert_true(o.burst);
        assert_int_equal(parse_with("OPTTEST_BURST", no[i], ""), ST_OK);
        assert_false(o.burst);
        assert_int_equal(parse_with("OPTTEST_BURST", no[i], "-b"), ST_OK);
        assert_true(o.burst);
    }
    assert_int_equal(parse_with("OPTTEST_BURST", "perhaps", ""), ST_INVALID);
    assert_string_equal(err_text(&err), "OPTTEST_BURST: 'perhaps' is neither yes nor no");
}

static void test_environment_is_checked_like_flags(void **state)
{
    (void)state;
    assert_int_equal(parse_with("OPTTEST_THREADS", "0", ""), ST_INVALID);
    assert_string_equal(err_text(&err),
                        "OPTTEST_THREADS: '0' is not a whole number from 1 to 1000");
    assert_int_equal(parse_with("OPTTEST_SHUTDOWN_TIMEOUT", "2h", ""), ST_INVALID);
    assert_string_equal(err_text(&err),
                        "OPTTEST_SHUTDOWN_TIMEOUT: '2h' is not between 100ms and 1h");
}

static void test_a_program_without_environment(void **state)
{
    (void)state;
    struct options_spec bare = spec;
    char *argv[] = {program, NULL};
    bare.environment_prefix = NULL;
    setenv("THREADS", "77", 1);
    enum status status = options_parse(&bare, 1, argv, &operands, &operand_count, &done, &err);
    unsetenv("THREADS");
    assert_int_equal(status, ST_OK);
    assert_int_equal(o.threads, 10);
}

static void test_secrets_are_not_shown(void **state)
{
    (void)state;
    assert_int_equal(parse("--secret-size tops3cret"), ST_INVALID);
    assert_string_equal(err_text(&err), "--secret-size: its value (not shown) is not valid");
    assert_int_equal(parse_with("OPTTEST_SECRET_SIZE", "tops3cret", ""), ST_INVALID);
    assert_null(strstr(err_text(&err), "tops3cret"));
    assert_int_equal(parse("--pasword=tops3cret"), ST_INVALID);
    assert_null(strstr(err_text(&err), "tops3cret"));
}

static void test_list_is_freed(void **state)
{
    (void)state;
    struct options_list list = {0};
    options_list_fini(&list);
    accept("-q a");
    options_list_fini(&o.queues);
    assert_int_equal(o.queues.count, 0);
    assert_null(o.queues.items);
}

#define OPTIONS_TEST(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPTIONS_TEST(test_defaults),
        OPTIONS_TEST(test_values_of_every_type),
        OPTIONS_TEST(test_letters),
        OPTIONS_TEST(test_last_one_wins),
        OPTIONS_TEST(test_operands_stand_anywhere),
        OPTIONS_TEST(test_two_dashes_end_the_options),
        OPTIONS_TEST(test_ranges_include_their_ends),
        OPTIONS_TEST(test_bad_values_are_named_as_written),
        OPTIONS_TEST(test_missing_and_superfluous_values),
        OPTIONS_TEST(test_unknown_options),
        OPTIONS_TEST(test_environment),
        OPTIONS_TEST(test_flags_in_the_environment),
        OPTIONS_TEST(test_environment_is_checked_like_flags),
        OPTIONS_TEST(test_a_program_without_environment),
        OPTIONS_TEST(test_secrets_are_not_shown),
        OPTIONS_TEST(test_list_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
