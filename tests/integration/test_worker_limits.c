/* --limit of a real worker: from the command line and from a file, by type and for all types. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/worker_fixture.h"

/* How many dead jobs say this. */
static size_t count_dead(struct worker_fixture *f, const char *error)
{
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    size_t count = 0;
    for (size_t i = 0; i < reply_count(dead); i++) {
        char *member = slice_dup(reply_slice(reply_at(dead, i)));
        count += strstr(member, error) != NULL;
        free(member);
    }
    reply_free(dead);
    return count;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* No job outlasts its type, whatever it says itself; --timeout is for those that have none. */
static void test_timeouts_from_a_file(void **state)
{
    struct worker_fixture *f = *state;
    const char *path = worker_fixture_path(f, "config");
    write_file(path, "[handlers]\na = sleep 1000\nb = sleep 1000\n"
                     "[limits]\n* = timeout=300ms,env=clean\nb = timeout=400ms\n");
    worker_fixture_start(f, "-q", "jobs", "--config", path, "--max-attempts", "1", "--timeout",
                         "200ms");
    worker_fixture_push(f, "{\"type\":\"a\"}", "{\"type\":\"a\",\"timeout_ms\":0}",
                        "{\"type\":\"a\",\"timeout_ms\":600000}",
                        "{\"type\":\"a\",\"timeout_ms\":100}", "{\"type\":\"b\"}",
                        "{\"type\":\"sleep\",\"args\":600000}");
    worker_fixture_wait_count(f, "buried", 6);
    assert_int_equal(count_dead(f, "timed out after 300ms"), 4);
    assert_int_equal(count_dead(f, "timed out after 100ms"), 1);
    assert_int_equal(count_dead(f, "timed out after 400ms"), 1);
}

static void test_output_of_a_type(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_start(
        f, "-q", "jobs", "--max-output", "10KiB", "--handler", "large=head -c 50000 /dev/zero",
        "--handler", "plain=head -c 50000 /dev/zero", "--handler", "small=head -c 5000 /dev/zero",
        "--limit", "large=output=50000", "--limit", "small=output=4999");
    worker_fixture_push(f, "{\"type\":\"large\"}", "{\"type\":\"plain\"}", "{\"type\":\"small\"}");
    worker_fixture_wait_count(f, "done", 1);
    worker_fixture_wait_count(f, "buried", 2);
    assert_int_equal(count_dead(f, "the output is larger than 10KiB (--max-output)"), 1);
    assert_int_equal(count_dead(f, "the output is larger than 4.8KiB (--limit output)"), 1);
}

static void test_dead_entry_names_the_limit(void **state)
{
    struct worker_fixture *f = *state;
    worker_fixture_start(f, "-q", "jobs", "--max-attempts", "1", "--handler",
                         "spin=sh -c 'while :; do :; done'", "--handler",
                         "stay=stream:sh -c 'while :; do :; done'", "--limit", "*=cpu=1s");
    worker_fixture_push(f, "{\"type\":\"spin\"}", "{\"type\":\"stay\"}");
    worker_fixture_wait_count(f, "buried", 2);
    assert_int_equal(count_dead(f, "killed by signal 24 (CPU time limit exceeded): it may use 1s "
                                   "of CPU time (--limit cpu)"),
                     2);
}

static void expect_refused(struct worker_fixture *f, const char *limit, const char *sentence)
{
    struct process *worker =
        worker_fixture_launch(f, "-q", "jobs", "--handler", "t=true", "--limit", limit);
    worker_fixture_expect_exit(worker, 2);
    if (!strstr(process_stderr(worker), sentence))
        fail_msg("%s: %s", limit, process_stderr(worker));
}

static void test_refused_at_the_start(void **state)
{
    struct worker_fixture *f = *state;
    expect_refused(f, "t=cup=1s", "--limit: \"t\": there is no limit \"cup\"; perhaps it is cpu");
    expect_refused(f, "u=cpu=1s", "--limit: there is no handler for 'u': there are echo,fail,");
    const char *path = worker_fixture_path(f, "config");
    write_file(path, "[limits]\necho = cpu=1s\n");
    struct process *worker = worker_fixture_launch(f, "-q", "jobs", "--config", path);
    worker_fixture_expect_exit(worker, 2);
    assert_non_null(strstr(process_stderr(worker), "config:2: limit: \"echo\": it is built in"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_timeouts_from_a_file),
        WORKER_TEST(test_output_of_a_type),
        WORKER_TEST(test_dead_entry_names_the_limit),
        WORKER_TEST(test_refused_at_the_start),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
