/* Worker processes, and whole hosts, killed at random all the time. */
#include "support/cmocka_all.h"

#include "base/clock.h"
#include "support/faults.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

enum { JOBS = 20000, HOSTS = 3, CHILDREN = 2, KILL_EVERY_MS = 100, HOST_EVERY = 12 };

static struct process *start(struct worker_fixture *f)
{
    return worker_fixture_launch(f, "-q", "jobs", "-p", "2", "-t", "4", "--lease", "1s",
                                 "--max-crashes", "1000", "--log-level", "error");
}

static bool kill_a_child(struct process *host, unsigned *seed)
{
    pid_t children[CHILDREN];
    size_t count = worker_fixture_children(host, children, CHILDREN);
    return count > 0 && kill(children[(size_t)rand_r(seed) % count], SIGKILL) == 0;
}

static void test_nothing_is_lost(void **state)
{
    struct worker_fixture *f = *state;
    struct process *hosts[HOSTS];
    unsigned seed = (unsigned)clock_mono_us();
    int kills = 0, lost_hosts = 0;
    print_message("seed %u\n", seed);
    worker_fixture_push_many(f, JOBS, "sleep", "5");
    for (int i = 0; i < HOSTS; i++)
        hosts[i] = start(f);
    for (int i = 1; worker_fixture_count(f, "done") < JOBS; i++) {
        int victim = rand_r(&seed) % HOSTS;
        if (i % HOST_EVERY == 0 && f->count + 1 < WORKER_FIXTURE_MAX) {
            worker_fixture_kill(hosts[victim]);
            hosts[victim] = start(f);
            lost_hosts++;
        } else {
            kills += kill_a_child(hosts[victim], &seed);
        }
        (void)poll(NULL, 0, KILL_EVERY_MS);
    }
    print_message("%d worker processes and %d hosts killed\n", kills, lost_hosts);
    assert_true(kills >= 20 && lost_hosts >= 1);
    assert_true(worker_fixture_count(f, "reaped") > 0);
    faults_expect_all(f, JOBS, "random kills");
    worker_fixture_push(f, "{\"darg\":\"drain\"}");
    for (int i = 0; i < HOSTS; i++)
        worker_fixture_expect_exit(hosts[i], 0);
    worker_fixture_expect_clean(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, worker_fixture_setup, worker_fixture_teardown);
}
