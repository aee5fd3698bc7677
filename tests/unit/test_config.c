/* Options from a file: what goes before what, what is refused, what is shown. */
#include "support/cmocka_all.h"

#include "base/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct values {
    bool burst;
    const char *url, *name;
    int64_t threads, fd;
    struct options_list queues;
} o;
static struct options_record record;

static const struct option_row rows[] = {
    {.name = "burst", OPTION_FIELD(OPT_FLAG, struct values, burst), .help = "h"},
    {.name = "url",
     OPTION_FIELD(OPT_URL, struct values, url),
     .default_text = "redis://h",
     .environment = "CONFTEST_MY_URL MY_URL",
     .help = "h"},
    {.name = "name", .letter = 'n', OPTION_FIELD(OPT_STRING, struct values, name), .help = "h"},
    {.name = "threads",
     .letter = 't',
     OPTION_FIELD(OPT_INT, struct values, threads),
     .default_text = "10",
     .min = 1,
     .max = 100,
     .help = "h"},
    {.name = "queue",
     .letter = 'q',
     OPTION_FIELD(OPT_LIST, struct values, queues),
     .default_text = "default",
     .section = "queues",
     .help = "h"},
    {.name = "fd", OPTION_FIELD(OPT_INT, struct values, fd), .no_file = true, .help = "h"},
    {.name = NULL},
};

static const struct options_spec spec = {
    .program = "prog",
    .usage = "[options]",
    .summary = "Does things.",
    .rows = rows,
    .target = &o,
    .environment_prefix = "CONFTEST_",
    .version = "prog 1",
    .record = &record,
    .sections = "worker queues",
    .other_sections = "darg other",
    .other_names = "namespace json",
};

static char path[] = "/tmp/darg-test-config-XXXXXX";
static struct err err;
static bool done;

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/darg-test-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static void forget(void)
{
    options_record_fini(&record);
    options_list_fini(&o.queues);
    memset(&o, 0, sizeof o);
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    unlink(path);
    unsetenv("CONFTEST_THREADS");
    unsetenv("CONFTEST_CONFIG");
    unsetenv("CONFTEST_MY_URL");
    unsetenv("MY_URL");
    return 0;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* Parses `--config path` and one more word, if any. */
static enum status parse(const char *word)
{
    static char program[] = "prog", option[] = "--config", more[64];
    char *argv[] = {program, option, path, more, NULL};
    const char **operands = NULL;
    size_t count = 0;
    forget();
    err = (struct err){0};
    snprintf(more, sizeof more, "%s", word ? word : "");
    enum status status = options_parse(&spec, word ? 4 : 3, argv, &operands, &count, &done, &err);
    free(operands);
    return status;
}

static void accept(const char *text)
{
    write_file(text, 0600);
    if (parse(NULL) != ST_OK)
        fail_msg("%s", err_text(&err));
}

static void refuse(const char *text, const char *sentence)
{
    char expected[600];
    write_file(text, 0600);
    snprintf(expected, sizeof expected, "%s:%s", path, sentence);
    assert_int_equal(parse(NULL), ST_INVALID);
    assert_string_equal(err_text(&err), expected);
}

static void test_sections(void **state)
{
    (void)state;
    accept("; for all\nname = me\njson = x\n\n[worker]\n  threads=7 ; indented\n\tburst = yes\n"
           "[darg]\nwhatever = 1\n[queues]\nmail = 3\nreports =\n");
    assert_string_equal(o.name, "me");
    assert_int_equal(o.threads, 7);
    assert_true(o.burst);
    assert_int_equal(o.queues.count, 2);
    assert_string_equal(o.queues.items[0], "mail=3");
    assert_string_equal(o.queues.items[1], "reports");
    accept("[worker]\nqueue = a\nqueue = b\n");
    assert_int_equal(o.queues.count, 2);
    assert_string_equal(o.queues.items[1], "b");
    accept("");
    assert_int_equal(o.threads, 10);
    assert_string_equal(o.queues.items[0], "default");
}

static void test_what_goes_before_what(void **state)
{
    (void)state;
    char where[64];
    write_file("threads = 2\nqueue = file\n", 0600);
    assert_int_equal(parse(NULL), ST_OK);
    assert_int_equal(o.threads, 2);
    snprintf(where, sizeof where, "%s:1", path);
    assert_string_equal(options_where(&record, "threads"), where);
    setenv("CONFTEST_THREADS", "3", 1);
    assert_int_equal(parse(NULL), ST_OK);
    assert_int_equal(o.threads, 3);
    assert_string_equal(options_where(&record, "threads"), "CONFTEST_THREADS");
    assert_int_equal(parse("--threads=4"), ST_OK);
    assert_int_equal(o.threads, 4);
    assert_string_equal(options_where(&record, "threads"), "--threads");
    assert_string_equal(options_where(&record, "url"), "default");
    assert_int_equal(parse("-qflag"), ST_OK); /* a list is taken whole from one place */
    assert_int_equal(o.queues.count, 1);
    assert_string_equal(o.queues.items[0], "flag");
}

static void test_named_variables(void **state)
{
    (void)state;
    write_file("url = redis://file\n", 0600);
    setenv("MY_URL", "redis://second", 1);
    assert_int_equal(parse(NULL), ST_OK);
    assert_string_equal(o.url, "redis://second");
    setenv("CONFTEST_MY_URL", "redis://first", 1);
    assert_int_equal(parse(NULL), ST_OK);
    assert_string_equal(o.url, "redis://first");
    assert_string_equal(options_where(&record, "url"), "CONFTEST_MY_URL");
}

static void test_the_file_from_the_environment(void **state)
{
    (void)state;
    char program[] = "prog", *argv[] = {program, NULL};
    const char **operands = NULL;
    size_t count = 0;
    write_file("threads = 2\n", 0600);
    setenv("CONFTEST_CONFIG", path, 1);
    assert_int_equal(options_parse(&spec, 1, argv, &operands, &count, &done, &err), ST_OK);
    assert_int_equal(o.threads, 2);
    free(operands);
}

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    refuse("# a\n\nthread = 1\n", "3: unknown option 'thread'; did you mean 'threads'?");
    refuse("connect-timeout = 1s\n", "1: unknown option 'connect-timeout'; if it is for the other "
                                     "program, put it below [darg]");
    refuse("[worker]\nxyzzy = 1\n", "2: unknown option 'xyzzy' in [worker]");
    refuse("[worker]\ntreads = 1\n",
           "2: unknown option 'treads' in [worker]; did you mean 'threads'?");
    refuse("[worker]\nfd = 1\n", "2: 'fd' cannot be set in a file, only on the command line");
    refuse("[wroker]\nthreads = 1\n", "2: unknown section [wroker]; did you mean [worker]?");
    refuse("[othr]\nthreads = 1\n", "2: unknown section [othr]; did you mean [other]?");
    refuse("[Service]\nUser = 1\n",
           "2: unknown section [Service]; those known are: worker queues darg other");
    refuse("threads = 0\n", "1: threads: '0' is not a whole number from 1 to 100");
    refuse("threads = 1\n[worker]\nthreads = 2\n",
           "3: threads is set again, after line 1; remove one");
    refuse("threads = 1\nnonsense\n", "2: neither NAME = VALUE nor [SECTION] nor a comment");
    refuse("[worker\n", "1: neither NAME = VALUE nor [SECTION] nor a comment");
}

static void test_a_file_that_cannot_be_read(void **state)
{
    (void)state;
    unlink(path);
    assert_int_equal(parse(NULL), ST_SYSTEM);
    assert_non_null(strstr(err_text(&err), path));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(parse(NULL), ST_INVALID);
    assert_non_null(strstr(err_text(&err), "not a regular file"));
}

static void test_a_password_that_others_can_read(void **state)
{
    (void)state;
    static const mode_t open_modes[] = {0644, 0602};
    for (size_t i = 0; i < 2; i++) {
        write_file("url = redis://:geheim@h\n", open_modes[i]);
        assert_int_equal(parse(NULL), ST_INVALID);
        assert_non_null(strstr(err_text(&err), ":1: url holds a password"));
        assert_null(strstr(err_text(&err), "geheim"));
    }
    write_file("url = redis://:geheim@h\n", 0640);
    assert_int_equal(parse(NULL), ST_OK);
    assert_string_equal(o.url, "redis://:geheim@h");
    write_file("url = redis://h\n", 0644); /* no password: anybody may read it */
    assert_int_equal(parse(NULL), ST_OK);
}

/* What options_parse() prints. */
static const char *printed(const char *word)
{
    static char out[4096];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    enum status status = parse(word);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    rewind(file);
    out[fread(out, 1, sizeof out - 1, file)] = 0;
    fclose(file);
    assert_int_equal(status, ST_OK);
    assert_true(done);
    return out;
}

static void test_print_config(void **state)
{
    (void)state;
    char line[128];
    write_file("url = redis://u:geheim@h\nqueue = a\nqueue = b\n", 0600);
    setenv("CONFTEST_THREADS", "3", 1);
    const char *out = printed("--print-config");
    snprintf(line, sizeof line, "redis://***@h                  %s:1\n", path);
    assert_non_null(strstr(out, line));
    assert_null(strstr(out, "geheim"));
    assert_non_null(strstr(out, "\nthreads              3                              CONFTEST_"));
    snprintf(line, sizeof line, "queue                b                              %s:3\n", path);
    assert_non_null(strstr(out, line));
    out = printed("--print-config=json");
    snprintf(line, sizeof line, "{\"name\":\"queue\",\"value\":\"b\",\"from\":\"%s:3\"},\n", path);
    assert_non_null(strstr(out, line));
    assert_non_null(strstr(out, "{\"name\":\"burst\",\"value\":null,\"from\":\"default\"},\n"));
    assert_null(strstr(out, "geheim"));
    assert_int_equal(parse("--print-config=xml"), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sections, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_goes_before_what, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_named_variables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_file_from_the_environment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_wrong_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_password_that_others_can_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_print_config, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
