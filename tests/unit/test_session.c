#include "support/cmocka_all.h"

#include "base/clock.h"
#include "redis/reply_build.h"
#include "worker/flow/session.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct queue queue;
    struct wake emptied;
    struct session *session;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_new(sizeof *fixture);
    assert_int_equal(queue_init(&fixture->queue, "darg", "jobs", NULL), ST_OK);
    assert_int_equal(wake_init(&fixture->emptied, NULL), ST_OK);
    fixture->session = session_new(&fixture->queue, "p", 3, &fixture->emptied);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    session_release(fixture->session);
    wake_fini(&fixture->emptied);
    queue_fini(&fixture->queue);
    free(fixture);
    return 0;
}

static bool is_emptied(struct fixture *fixture)
{
    bool is_set = wake_wait(&fixture->emptied, 0);
    wake_clear(&fixture->emptied);
    return is_set;
}

/* An array reply as it comes from the server. */
static struct reply *parse(const char *wire)
{
    redisReplyObjectFunctions functions = reply_functions;
    redisReader *reader = redisReaderCreateWithFunctions(&functions);
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

/* The answer to a claim after number `base`: its jobs as an array on the wire. */
static struct claim make_claim(int64_t base, const char *wire)
{
    struct reply *reply = parse(wire);
    return (struct claim){.outcome = CLAIM_JOBS,
                          .base = base,
                          .count = reply_count(reply),
                          .jobs = reply,
                          .reply = reply};
}

static const char three_jobs[] = "*3\r\n$1\r\na\r\n$2\r\nbb\r\n$3\r\nccc\r\n";
static const char with_gaps[] = "*5\r\n$-1\r\n$1\r\na\r\n$-1\r\n$1\r\nb\r\n$-1\r\n";
static const char only_gaps[] = "*2\r\n$-1\r\n$-1\r\n";

static struct batch *add(struct fixture *fixture, int64_t base, const char *wire)
{
    struct claim claim = make_claim(base, wire);
    struct batch *batch = session_add_claim(fixture->session, &claim);
    assert_null(claim.reply); /* taken over */
    return batch;
}

static void assert_held(struct fixture *fixture, size_t count)
{
    assert_int_equal(atomic_load(&fixture->session->held), count);
}

static void test_names(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(fixture->session->lease.worker, "p.3");
    assert_string_equal(fixture->session->lease.claimed, "darg:{jobs}:claimed:p.3");
    assert_int_equal(fixture->session->generation, 3);
    assert_held(fixture, 0);
}

static void test_a_claim_becomes_tasks(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = add(fixture, 40, three_jobs);
    static const char *const texts[] = {"a", "bb", "ccc"};
    assert_int_equal(batch->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(slice_is(batch->tasks[i].job.text, texts[i]));
        assert_int_equal(batch->tasks[i].number, 41 + (int64_t)i);
        assert_int_equal(atomic_load(&batch->tasks[i].state), TASK_WAITING);
        assert_ptr_equal(batch->tasks[i].batch, batch);
        assert_null(batch->tasks[i].ending);
    }
    assert_held(fixture, 3);
    session_retire_all(fixture->session);
    assert_held(fixture, 0);
}

/* A repeated claim finds jobs gone: the others keep their numbers. */
static void test_missing_entries_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = add(fixture, 10, with_gaps);
    assert_int_equal(batch->count, 2);
    assert_int_equal(batch->tasks[0].number, 12);
    assert_int_equal(batch->tasks[1].number, 14);
    static const bool is_held[] = {false, false, true, false, true, false, false};
    for (int64_t number = 10; number <= 16; number++)
        assert_int_equal(session_holds(fixture->session, number), is_held[number - 10]);
    assert_held(fixture, 2);
    session_retire_all(fixture->session);
}

static void test_nothing_but_missing_entries(void **state)
{
    struct fixture *fixture = *state;
    assert_null(add(fixture, 10, only_gaps));
    assert_held(fixture, 0);
    assert_false(session_holds(fixture->session, 11));
    assert_null(fixture->session->batches);
}

static struct ending *some_ending(void)
{
    struct ending *ending = mem_new(sizeof *ending);
    buf_append_text(&ending->head, "head");
    buf_append_text(&ending->told, "reply");
    return ending;
}

/* Whatever the order, each goes by itself and the last one takes the batch with it. */
static void test_retiring_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < 6; i++) {
        struct batch *other = add(fixture, 100, three_jobs);
        struct batch *batch = add(fixture, 40, three_jobs);
        struct batch *third = add(fixture, 200, three_jobs);
        batch->tasks[1].ending = some_ending();
        for (int k = 0; k < 3; k++) {
            int64_t number = 41 + orders[i][k];
            assert_true(session_holds(fixture->session, number));
            task_retire(&batch->tasks[orders[i][k]]);
            assert_false(session_holds(fixture->session, number));
            assert_held(fixture, 6 + 2 - (size_t)k);
        }
        for (int k = 0; k < 3; k++)
            task_retire(&(i % 2 ? other : third)->tasks[k]);
        assert_false(is_emptied(fixture));
        for (int k = 0; k < 3; k++)
            task_retire(&(i % 2 ? third : other)->tasks[k]);
        assert_true(is_emptied(fixture));
        assert_null(fixture->session->batches);
    }
}

struct visits {
    int64_t waiting, started; /* sums of numbers */
    int count;
};

static void visit(int64_t number, bool was_started, void *context)
{
    struct visits *visits = context;
    *(was_started ? &visits->started : &visits->waiting) += number;
    visits->count++;
}

static void test_each_held_task_is_visited_once(void **state)
{
    struct fixture *fixture = *state;
    struct batch *first = add(fixture, 0, three_jobs);   /* 1 2 3 */
    struct batch *second = add(fixture, 99, with_gaps);  /* 101 103 */
    atomic_store(&first->tasks[1].state, TASK_STARTED);  /* 2 */
    atomic_store(&second->tasks[1].state, TASK_STARTED); /* 103 */
    task_retire(&first->tasks[2]);                       /* 3 */
    struct visits visits = {0};
    session_each(fixture->session, visit, &visits);
    assert_int_equal(visits.count, 4);
    assert_int_equal(visits.waiting, 1 + 101);
    assert_int_equal(visits.started, 2 + 103);
    assert_true(session_holds(fixture->session, 2)); /* started is held */
    session_retire_all(fixture->session);
    assert_held(fixture, 0);
    visits = (struct visits){0};
    session_each(fixture->session, visit, &visits);
    assert_int_equal(visits.count, 0);
}

static void test_retire_all_takes_what_is_left(void **state)
{
    struct fixture *fixture = *state;
    struct batch *batch = add(fixture, 0, three_jobs);
    (void)add(fixture, 3, three_jobs);
    batch->tasks[0].ending = some_ending();
    task_retire(&batch->tasks[1]);
    assert_false(is_emptied(fixture));
    session_retire_all(fixture->session);
    assert_held(fixture, 0);
    assert_true(is_emptied(fixture));
    session_retire_all(fixture->session);
}

/* Batches keep their session: the fetcher may have let go of it long before. */
static void test_the_last_task_frees_an_abandoned_session(void **state)
{
    struct fixture *fixture = *state;
    struct session *session = session_new(&fixture->queue, "p", 4, &fixture->emptied);
    struct claim claim = make_claim(0, three_jobs);
    struct batch *batch = session_add_claim(session, &claim);
    session_release(session);
    task_retire(&batch->tasks[2]);
    task_retire(&batch->tasks[0]);
    assert_int_equal(atomic_load(&session->held), 1);
    assert_string_equal(session->lease.worker, "p.4");
    task_retire(&batch->tasks[1]); /* a sanitizer says if too much or too little is freed */
    assert_true(is_emptied(fixture));
}

static void test_popped_jobs(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t number = 1; number <= 3; number++) {
        struct reply *reply = parse("*2\r\n$1\r\nq\r\n$3\r\njob\r\n");
        struct slice text = reply_slice(reply_at(reply, 1));
        struct task *task = session_add_popped(fixture->session, reply, text);
        assert_int_equal(task->number, number);
        assert_true(slice_is(task->job.text, "job"));
        assert_true(session_holds(fixture->session, number));
        assert_held(fixture, 1);
        task_retire(task);
        assert_held(fixture, 0);
    }
}

static void test_a_lease_is_lost_once(void **state)
{
    struct fixture *fixture = *state;
    assert_false(session_is_lost(fixture->session));
    assert_false(is_emptied(fixture));
    assert_true(session_lose(fixture->session));
    assert_true(is_emptied(fixture));
    assert_true(session_is_lost(fixture->session));
    assert_false(session_lose(fixture->session));
    assert_false(is_emptied(fixture));
}

static void test_server_time_goes_on(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = clock_mono_ms();
    session_set_server_time(fixture->session, 1700000000000);
    int64_t estimate = session_server_ms(fixture->session);
    int64_t after = clock_mono_ms();
    assert_in_range(estimate, 1700000000000, 1700000000000 + (after - before));
}

#define SESSION_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(test_names),
        SESSION_TEST(test_a_claim_becomes_tasks),
        SESSION_TEST(test_missing_entries_are_left_out),
        SESSION_TEST(test_nothing_but_missing_entries),
        SESSION_TEST(test_retiring_in_any_order),
        SESSION_TEST(test_each_held_task_is_visited_once),
        SESSION_TEST(test_retire_all_takes_what_is_left),
        SESSION_TEST(test_the_last_task_frees_an_abandoned_session),
        SESSION_TEST(test_popped_jobs),
        SESSION_TEST(test_a_lease_is_lost_once),
        SESSION_TEST(test_server_time_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
