/* Links that break in the keeper's calls, and in those that are no scripts. There is one worker at
 * a time, and it lives on: though its lease is short, so that its keeper is quick, nobody could
 * recover what it forgot. */
#include "support/cmocka_all.h"

#include "queue/scripts.h"
#include "support/wait.h"
#include "support/wire_fixture.h"

static void test_renew(void **state)
{
    for (int way = 0; way < WIRE_FIXTURE_WAYS; way++) {
        struct wire_fixture wire = wire_fixture_begin(*state);
        struct process *worker = wire_fixture_start(&wire, "--lease", "1s");
        wire_fixture_break(&wire, script_renew.sha1, way);
        wire_fixture_push(&wire, "gate", 1);
        wire_fixture_wait_hits(&wire, 2);
        worker_fixture_wait_renewals(wire.base);
        wire_fixture_open_gate(&wire);
        worker_fixture_wait_count(wire.base, "done", 1);
        wire_fixture_stop(&wire, worker);
        checker_expect(wire_fixture_checker(&wire), 0, 0, "renew");
        wire_fixture_end(&wire);
    }
}

static bool is_inbox_empty(void *context)
{
    const struct worker_fixture *base = context;
    return commands_int(base->conn, "EXISTS", "darg:{jobs}:inbox") == 0;
}

/* What lies in the inbox while nobody claims is moved back by a keeper. */
static void test_unbox(void **state)
{
    for (int way = 0; way < WIRE_FIXTURE_WAYS; way++) {
        struct wire_fixture wire = wire_fixture_begin(*state);
        commands_do(wire.base->conn, "SET", "darg:{jobs}:shutdown", "quiet");
        proxy_capture(wire.proxy);
        struct process *worker = wire_fixture_start(&wire, "--lease", "1s");
        wire_fixture_wait_captured(&wire, script_drain.sha1); /* so it is quiet, and not blocked */
        wire_fixture_break(&wire, script_unbox.sha1, way);
        wire_fixture_push(&wire, "note", 1);
        commands_do(wire.base->conn, "LMOVE", "darg:{jobs}", "darg:{jobs}:inbox", "RIGHT", "LEFT");
        assert_true(wait_until(is_inbox_empty, wire.base, WORKER_FIXTURE_WAIT_MS));
        wire_fixture_wait_hits(&wire, wire_fixture_is_reply(way) ? 1 : 2);
        assert_int_equal(commands_int(wire.base->conn, "LLEN", "darg:{jobs}"), 1);
        commands_do(wire.base->conn, "DEL", "darg:{jobs}:shutdown");
        worker_fixture_wait_count(wire.base, "done", 1);
        wire_fixture_stop(&wire, worker);
        checker_expect(wire_fixture_checker(&wire), 0, 0, "unbox");
        wire_fixture_end(&wire);
    }
}

/* Calls that are no scripts. All links are cut once on the way, so that audits happen. */
static void test_plain_commands(void **state)
{
    static const char *const words[] = {"SETNAME", "HKEYS", "INFO", "HSET", "SADD"};
    for (int way = 0; way < WIRE_FIXTURE_WAYS; way++) {
        struct wire_fixture wire = wire_fixture_begin(*state);
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            wire_fixture_break(&wire, words[i], way);
        struct process *worker = wire_fixture_start(&wire, "--lease", "1s");
        wire_fixture_push(&wire, "note", 5);
        worker_fixture_wait_count(wire.base, "done", 5);
        commands_do(wire.base->conn, "CLIENT", "KILL", "TYPE", "normal");
        wire_fixture_push(&wire, "note", 5);
        worker_fixture_wait_count(wire.base, "done", 10);
        wire_fixture_wait_hits(&wire, 8);
        wire_fixture_stop(&wire, worker);
        checker_expect(wire_fixture_checker(&wire), 0, 0, "plain commands");
        wire_fixture_end(&wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_renew),
        WORKER_TEST(test_unbox),
        WORKER_TEST(test_plain_commands),
    };
    return cmocka_run_group_tests(tests, wire_fixture_setup, worker_fixture_teardown);
}
