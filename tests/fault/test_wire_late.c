/* Requests that arrive a second time, much later, on another connection: what a network may do to a
 * request whose sender has given it up. None changes anything. */
#include "support/cmocka_all.h"

#include "queue/scripts.h"
#include "support/wait.h"
#include "support/wire_fixture.h"

#include <stdlib.h>
#include <string.h>

static bool holds(struct slice text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* Digests of all keys, to free(); of the registry only the names: a late renewal is one. Without
 * `waits`, notes of the time with each look: a late look is one more. A hash that has been large
 * gives its fields in an order that changes with every look at it: they are sorted. */
static char *snapshot(struct worker_fixture *base)
{
    static const char script[] =
        "local keys, out = redis.call('KEYS', '*'), {}\n"
        "table.sort(keys)\n"
        "for _, key in ipairs(keys) do\n"
        "  local text = redis.call('DUMP', key)\n"
        "  if key == 'darg:{jobs}:workers' then\n"
        "    local names = redis.call('ZRANGE', key, 0, -1)\n"
        "    table.sort(names)\n"
        "    text = table.concat(names, ' ')\n"
        "  elseif redis.call('TYPE', key).ok == 'hash' then\n"
        "    local all, pairs = redis.call('HGETALL', key), {}\n"
        "    for j = 1, #all, 2 do pairs[#pairs + 1] = all[j] .. '=' .. all[j + 1] end\n"
        "    table.sort(pairs)\n"
        "    text = table.concat(pairs, ' ')\n"
        "  end\n"
        "  if key ~= 'darg:{jobs}:waits' then\n"
        "    out[#out + 1] = key .. ' ' .. redis.sha1hex(text)\n"
        "  end\n"
        "end\n"
        "return table.concat(out, '\\n')";
    return commands_text(base->conn, "EVAL", script, "0");
}

/* Repeats every captured call of a script, twice; answers how many there were. `except`: not these.
 */
static size_t repeat_all(struct wire_fixture *wire, const char *except)
{
    size_t count = proxy_counts(wire->proxy).captured, repeated = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice request = proxy_captured(wire->proxy, i);
        if (!holds(request, "EVALSHA") || (except != NULL && holds(request, except)))
            continue;
        for (int times = 0; times < 2; times++) {
            const char *answer = proxy_repeat(wire->proxy, i);
            if (answer[0] == '-')
                fail_msg("a repeated request was answered by %s", answer);
        }
        repeated++;
    }
    return repeated;
}

static void expect_same(struct worker_fixture *base, char *before)
{
    char *after = snapshot(base);
    assert_string_equal(after, before);
    free(after);
    free(before);
}

/* Has the worker make each of its calls but those of its end, and leaves it with a job that runs
 * and others that it has given back. */
static void make_all_calls(struct wire_fixture *wire)
{
    static const struct script *const scripts[] = {
        &script_register, &script_claim, &script_done,    &script_retry,
        &script_bury,     &script_renew, &script_promote, &script_drain,
    };
    wire_fixture_push(wire, "once", 2);
    wire_fixture_push(wire, "never", 2);
    worker_fixture_wait_count(wire->base, "done", 2);
    worker_fixture_wait_count(wire->base, "buried", 2);
    commands_do(wire->base->conn, "SET", "darg:{jobs}:shutdown", "quiet");
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        wire_fixture_wait_captured(
            wire, scripts[i]->sha1); /* a quiet worker looks for a sentinel: drain */
    wire_fixture_push(wire, "noop", 300);
    wire_fixture_push(wire, "gate", 1);
    wire_fixture_push(wire, "noop", 50);
    commands_do(wire->base->conn, "DEL", "darg:{jobs}:shutdown");
    wire_fixture_wait_captured(wire, script_release.sha1);
    worker_fixture_wait_held(wire->base, 1);
}

/* While the worker lives, and jobs wait that a claim could take. */
static void test_of_a_living_worker(void **state)
{
    struct wire_fixture wire = wire_fixture_begin(*state);
    proxy_capture(wire.proxy);
    struct process *worker = wire_fixture_start(&wire, "-t", "1", "--lease", "30s");
    make_all_calls(&wire);
    proxy_freeze(wire.proxy, true); /* so that nothing else changes anything */
    free(snapshot(wire.base));      /* what had been sent is carried out */
    char *before = snapshot(wire.base);
    size_t repeated = repeat_all(&wire, NULL);
    print_message("%zu calls repeated\n", repeated);
    assert_true(repeated > 10);
    expect_same(wire.base, before);
    proxy_thaw(wire.proxy);
    wire_fixture_open_gate(&wire);
    worker_fixture_wait_count(wire.base, "done", 2 + 350 + 1);
    wire_fixture_stop(&wire, worker);
    struct checker *checker = checker_new(wire.base->conn, wire.pushed);
    checker_note_replies(checker, "darg:{jobs}:reply:r");
    checker_expect(checker, 0, 2, "a living worker");
    wire_fixture_end(&wire);
}

static bool is_alone(void *context)
{
    const struct worker_fixture *base = context;
    return commands_int(base->conn, "ZCARD", "darg:{jobs}:workers") == 1;
}

/* After its end, while another is at work. A late registration leaves a name, which is reaped. */
static void test_of_a_worker_that_is_gone(void **state)
{
    struct wire_fixture wire = wire_fixture_begin(*state);
    proxy_capture(wire.proxy);
    struct process *first =
        wire_fixture_start(&wire, "-t", "1", "--lease", "1s", "--shutdown-timeout", "1s");
    make_all_calls(&wire);
    wire_fixture_stop(&wire, first);
    wire_fixture_wait_captured(&wire, script_deregister.sha1);
    char *before = snapshot(wire.base);
    assert_true(repeat_all(&wire, script_register.sha1) > 10);
    expect_same(wire.base, before);

    struct process *second = wire_fixture_start_direct(&wire, "--lease", "1s");
    assert_true(repeat_all(&wire, script_register.sha1) > 10);
    assert_int_equal(commands_int(wire.base->conn, "ZCARD", "darg:{jobs}:workers"), 1);
    assert_true(repeat_all(&wire, NULL) > 10);
    assert_true(wait_until(is_alone, wire.base, WORKER_FIXTURE_WAIT_MS));
    worker_fixture_wait_count(wire.base, "done", 2 + 350 + 1);
    wire_fixture_stop(&wire, second);
    struct checker *checker = checker_new(wire.base->conn, wire.pushed);
    checker_note_replies(checker, "darg:{jobs}:reply:r");
    checker_expect(checker, 0, 2, "a worker that is gone");
    wire_fixture_end(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_of_a_living_worker),
        WORKER_TEST(test_of_a_worker_that_is_gone),
    };
    return cmocka_run_group_tests(tests, wire_fixture_setup, worker_fixture_teardown);
}
