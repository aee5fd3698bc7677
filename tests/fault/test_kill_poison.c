/* A job that kills whoever runs it, among many that do nobody harm. */
#include "support/cmocka_all.h"

#include "support/faults.h"

#include <stdlib.h>

enum { NEIGHBOURS = 200 };

static const char poison[] = "{\"type\":\"poison\",\"id\":\"p\"}";

/* With it go its worker, or that and its supervisor. */
static const char kill_worker[] = "kill -9 $PPID\n";
static const char kill_host[] = "host=$(cut -d' ' -f4 /proc/$PPID/stat)\n"
                                "echo >>\"${DIR}kills\"\n"
                                "kill -STOP $PPID\n" /* its end is to be sudden, too */
                                "kill -9 $host $PPID\n";

/* The poison is dead after so many crashes; every neighbour is done, once. */
static void expect_end(struct worker_fixture *f, const char *crashes, const char *what)
{
    worker_fixture_wait_count(f, "buried", 1);
    faults_expect_dead(f, 1, slice_of(poison), crashes);
    commands_do(f->conn, "DEL", "darg:{jobs}:dead"); /* it has no number of the checker's */
    faults_expect_all(f, NEIGHBOURS, what);
}

/* In the middle of them, so that several threads run and many wait beside it. */
static void push(struct worker_fixture *f)
{
    worker_fixture_push_many(f, NEIGHBOURS, "sleep", "20");
    commands_do(f->conn, "LINSERT", "darg:{jobs}", "BEFORE",
                "{\"type\":\"sleep\",\"args\":20,\"id\":\"j100\",\"reply\":\"r\"}", poison);
}

static void poison_in(struct worker_fixture *f, const char *threads, const char *what)
{
    const char *handler = worker_fixture_handler(f, "poison", kill_worker);
    push(f);
    worker_fixture_start(f, "-q", "jobs", "-t", threads, "-p", "2", "--max-crashes", "3", "--lease",
                         "1h", "--handler", handler, "--log-level", "warn");
    expect_end(f, "\"crashes\":3,", what);
}

static void test_one_thread(void **state)
{
    poison_in(*state, "1", "poison, one thread");
}

static void test_several_threads(void **state)
{
    poison_in(*state, "8", "poison, eight threads");
}

/* Nobody is left who saw what ran: all that the dead held is suspect, and yet none dies with it. */
static void test_the_supervisor_too(void **state)
{
    enum { CRASHES = 3 };
    struct worker_fixture *f = *state;
    const char *handler = worker_fixture_handler(f, "poison", kill_host);
    push(f);
    for (int i = 0; i <= CRASHES; i++) {
        struct process *host =
            worker_fixture_start(f, "-q", "jobs", "-t", "4", "--max-crashes", "3", "--lease", "1s",
                                 "--handler", handler, "--log-level", "warn");
        if (i < CRASHES)
            worker_fixture_expect_exit(host, 128 + 9);
    }
    expect_end(f, "\"crashes\":3,", "poison, supervisor killed as well");
    char *kills = worker_fixture_read(worker_fixture_path(f, "kills"));
    assert_string_equal(kills, "\n\n\n");
    free(kills);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_one_thread),
        WORKER_TEST(test_several_threads),
        WORKER_TEST(test_the_supervisor_too),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
