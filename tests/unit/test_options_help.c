/* What options say of themselves: --help, --version, and the nearest name to a mistyped one. */
#include "support/cmocka_all.h"

#include "base/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct values {
    bool burst;
    const char *password;
    int64_t threads, max_size;
} values;

static const struct option_row rows[] = {
    {.name = "burst",
     .letter = 'b',
     OPTION_FIELD(OPT_FLAG, struct values, burst),
     .help = "stop when empty",
     .no_environment = true},
    {.name = "password",
     OPTION_FIELD(OPT_STRING, struct values, password),
     .default_text = "hunter2",
     .help = "the password",
     .is_secret = true},
    {.name = "threads",
     .letter = 't',
     OPTION_FIELD(OPT_INT, struct values, threads),
     .value_name = "N",
     .default_text = "10",
     .help = "how many"},
    {.name = "max-size",
     OPTION_FIELD(OPT_BYTES, struct values, max_size),
     .value_name = "SIZE",
     .default_text = "1MiB",
     .help = "how large; and so many more words on what becomes of what is larger that they do not "
             "fit into the rest of one line of a hundred columns"},
    {.name = "an-option-with-a-very-long-name",
     OPTION_FIELD(OPT_BYTES, struct values, max_size),
     .value_name = "SIZE",
     .help = "what is too long for its column"},
    {.name = NULL},
};

static const struct options_spec spec = {
    .program = "prog",
    .usage = "[options] FILE...",
    .summary = "Does things.",
    .examples = "  prog --burst x\n",
    .rows = rows,
    .target = &values,
    .environment_prefix = "OPTTEST_",
    .version = "prog 1.2.3",
};

static char *help_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    options_help(&spec, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_help_is_made_of_the_rows(void **state)
{
    (void)state;
    char *text = help_text();
    assert_ptr_equal(strstr(text, "Usage: prog [options] FILE...\n\nDoes things.\n"), text);
    assert_non_null(strstr(text, "  prog --burst x\n"));
    assert_non_null(strstr(text, "\n  -b, --burst  "));
    assert_non_null(strstr(text, "  stop when empty\n"));
    assert_non_null(strstr(text, "\n  -t, --threads N  "));
    assert_non_null(strstr(text, "  how many (10)\n"));
    assert_non_null(strstr(text, "\n      --password VALUE  "));
    assert_non_null(strstr(text, "  the password\n")); /* not its default */
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "columns (1MiB)\n"));
    assert_non_null(strstr(text, "\n      --an-option-with-a-very-long-name SIZE\n  "));
    assert_non_null(strstr(text, "\n  -h, --help  "));
    assert_non_null(strstr(text, "\n  -V, --version  "));
    /* One of its own, not one that the environment may not set. */
    assert_non_null(strstr(text, "environment: --password from OPTTEST_PASSWORD.\n"));
    free(text);
}

static size_t column_of(const char *text, const char *word)
{
    const char *at = strstr(text, word), *start = at;
    assert_non_null(at);
    while (start[-1] != '\n')
        start--;
    return (size_t)(at - start);
}

static void test_help_is_aligned_and_fits(void **state)
{
    (void)state;
    char *text = help_text();
    size_t column = column_of(text, "how many");
    assert_int_equal(column_of(text, "how large"), column);
    assert_int_equal(column_of(text, "stop when"), column);
    assert_int_equal(column_of(text, "what is too long"), column);
    assert_int_equal(column_of(text, "show the version"), column);
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        assert_true(len <= 100);
        assert_true(len == 0 || line[len - 1] != ' ');
        line += len + 1;
    }
    free(text);
}

static enum status parse(const char *line, bool *done)
{
    char text[128], *argv[8] = {NULL}, *save = NULL;
    const char **operands = NULL;
    size_t operand_count = 0;
    int argc = 0;
    snprintf(text, sizeof text, "prog %s", line);
    for (char *word = strtok_r(text, " ", &save); word && argc < 7;
         word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    enum status status = options_parse(&spec, argc, argv, &operands, &operand_count, done, NULL);
    assert_null(operands);
    return status;
}

/* What options_parse() prints to standard output. */
static void printed(const char *line, char *out, size_t size)
{
    bool done = false;
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    enum status status = parse(line, &done);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    rewind(file);
    out[fread(out, 1, size - 1, file)] = 0;
    fclose(file);
    assert_int_equal(status, ST_OK);
    assert_true(done);
}

static void test_help_and_version_are_answered(void **state)
{
    (void)state;
    static const char *const helps[] = {"--help", "-h", "x --help --threads nonsense"};
    static char out[8192];
    char *text = help_text();
    for (size_t i = 0; i < 3; i++) {
        printed(helps[i], out, sizeof out);
        assert_string_equal(out, text);
    }
    free(text);
    printed("--version", out, sizeof out);
    assert_string_equal(out, "prog 1.2.3\n");
    printed("-V", out, sizeof out);
    assert_string_equal(out, "prog 1.2.3\n");
}

static void test_suggestions(void **state)
{
    (void)state;
    static const char *const names[] = {"push",  "peek",    "purge", "status",
                                        "stats", "workers", "drain", NULL};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"psuh", "push"},
        {"pus", "push"},
        {"pushh", "push"},
        {"stat", "stats"},
        {"statu", "status"},
        {"wor", "workers"},
        {"wrokesr", "workers"},
        {"drian", "drain"},
        {"purg", "purge"},
        {"pekk", "peek"},
        {"xyz", NULL},
        {"", NULL},
        {"p", NULL},
        {"pu", NULL},
        {"workers-of", NULL},
        {"a-word-that-is-very-much-longer-than-any-name", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = options_suggest(cases[i].word, names);
        if (!cases[i].nearest != !found || (found && strcmp(found, cases[i].nearest) != 0))
            fail_msg("%s: %s", cases[i].word, found ? found : "none");
    }
    assert_null(options_suggest("push", (const char *const[]){NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_is_made_of_the_rows),
        cmocka_unit_test(test_help_is_aligned_and_fits),
        cmocka_unit_test(test_help_and_version_are_answered),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
