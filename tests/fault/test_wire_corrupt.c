/* Answers that no Redis would give, in place of the true ones, to each call of a worker: it closes
 * the link or asks again; it does not crash, and nothing is lost, repeated or left lying. */
#include "support/cmocka_all.h"

#include "queue/scripts.h"
#include "support/wire_fixture.h"

#include <string.h>

/* Where what was announced does not come, the link ends, since a worker has to wait for it. */
static void corrupt(void **state, const char *what, struct slice forged, bool is_closed,
                    bool with_retries)
{
    const char *const words[] = {
        script_register.sha1,
        script_claim.sha1,
        script_done.sha1,
        script_bury.sha1,
        script_retry.sha1,
        script_promote.sha1,
        script_deregister.sha1,
        script_renew.sha1,
        "BLMOVE",
        "MGET",
    };
    enum { WORDS = sizeof words / sizeof words[0], LEAST_HITS = 5 };
    struct wire_fixture wire = wire_fixture_begin(*state);
    for (size_t i = 0; i < WORDS; i++)
        proxy_arm(wire.proxy, &(struct proxy_fault){.action = PROXY_FORGE_REPLY,
                                                    .word = words[i],
                                                    .times = 1,
                                                    .forged = forged,
                                                    .is_closed = is_closed});
    wire_fixture_live(&wire, with_retries, what);
    assert_true(proxy_counts(wire.proxy).all_hit >= LEAST_HITS);
    wire_fixture_end(&wire);
}

#define SLICE(text) ((struct slice){(text), sizeof(text) - 1})

static void test_wrong_types(void **state)
{
    corrupt(state, "a word", SLICE("+QUEUED\r\n"), false, true);
    corrupt(state, "an error without a class", SLICE("-\r\n"), false, true);
    corrupt(state, "an empty array", SLICE("*0\r\n"), false, true);
    corrupt(state, "an array of nothing", SLICE("*3\r\n$-1\r\n*-1\r\n$0\r\n\r\n"), false, true);
    corrupt(state, "a job that is a number", SLICE("*4\r\n$4\r\njobs\r\n:1\r\n:0\r\n*1\r\n:7\r\n"),
            false, true);
}

static void test_beyond_all_bounds(void **state)
{
    corrupt(state, "a huge array", SLICE("*2147483647\r\n"), true, false);
    corrupt(state, "a huge string", SLICE("$536870912\r\n"), true, false);
    corrupt(state, "a length beyond 64 bits", SLICE("$99999999999999999999\r\n"), true, false);
    corrupt(state, "a negative length", SLICE("*-7\r\n"), true, false);
    corrupt(state, "a deep nesting",
            SLICE("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), true,
            false);
}

static void test_garbage(void **state)
{
    corrupt(state, "bytes", SLICE("\0\xff\x80 nothing of Redis\r\n\r\n"), false, false);
    corrupt(state, "another protocol", SLICE("HTTP/1.1 400 Bad Request\r\n\r\n"), false, false);
    corrupt(state, "a newer protocol", SLICE(">2\r\n$4\r\npush\r\n:1\r\n"), false, false);
    corrupt(state, "no number", SLICE(":twelve\r\n"), false, false);
    corrupt(state, "a length that is too short", SLICE("$2\r\nabcdef\r\n"), true, false);
}

/* A claim that took jobs is answered with others than it took. */
static void lie(void **state, const char *what, struct slice forged)
{
    enum { NOTES = 5 };
    struct wire_fixture wire = wire_fixture_begin(*state);
    wire_fixture_push(&wire, "note", NOTES);
    proxy_arm(wire.proxy, &(struct proxy_fault){.action = PROXY_FORGE_REPLY,
                                                .word = script_claim.sha1,
                                                .times = 1,
                                                .forged = forged});
    struct process *worker = wire_fixture_start(&wire, "--lease", "60s");
    worker_fixture_wait_count(wire.base, "done", NOTES);
    wire_fixture_stop(&wire, worker);
    checker_expect(wire_fixture_checker(&wire), 0, 0, what);
    wire_fixture_end(&wire);
}

static void test_lies_about_jobs(void **state)
{
    lie(state, "a number for a job", SLICE("*4\r\n$4\r\njobs\r\n:1\r\n:0\r\n*1\r\n:7\r\n"));
    lie(state, "an unknown base", SLICE("*4\r\n$4\r\njobs\r\n:1\r\n:9\r\n*1\r\n$2\r\n{}\r\n"));
    lie(state, "no jobs", SLICE("*4\r\n$4\r\njobs\r\n:1\r\n:0\r\n*0\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKER_TEST(test_wrong_types),
        WORKER_TEST(test_beyond_all_bounds),
        WORKER_TEST(test_garbage),
        WORKER_TEST(test_lies_about_jobs),
    };
    return cmocka_run_group_tests(tests, wire_fixture_setup, worker_fixture_teardown);
}
