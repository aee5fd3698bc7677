#include "support/cmocka_all.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/flow/running.h"

enum { RUNS = 20000 };

struct fixture {
    struct load *load;
    struct running *running;
};

static int setup(void **state)
{
    struct fixture *f = mem_new(sizeof *f);
    struct err err = {0};
    f->load = load_new(2, 1);
    assert_non_null(f->load);
    assert_int_equal(running_new(f->load, &f->running, &err), ST_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    running_free(f->running);
    load_free(f->load);
    free(f);
    return 0;
}

static void begin(struct fixture *f, size_t index, const struct job *job, int64_t number)
{
    const struct load_run run = {.number = number};
    running_begin(f->running, index, job);
    load_begin(f->load, index, 1, &run, NULL);
}

static bool end(struct fixture *f, size_t index)
{
    load_end(f->load, index, 2);
    return running_end(f->running, index);
}

static bool must_stop(const struct fixture *f, size_t index)
{
    struct pollfd item = {.fd = running_stop_fd(f->running, index), .events = POLLIN};
    return poll(&item, 1, 0) > 0;
}

struct seen {
    const char *stop; /* id of the job to be stopped; NULL: none */
    int count;
    char id[JOB_ID_MAX + 1], progress[64];
    int64_t number;
};

static bool see(void *context, const struct running_job *now)
{
    struct seen *seen = context;
    seen->count++;
    snprintf(seen->id, sizeof seen->id, "%s", now->job->id);
    snprintf(seen->progress, sizeof seen->progress, "%.*s", (int)now->progress.len,
             now->progress.len ? now->progress.ptr : "");
    seen->number = now->activity.run.number;
    return seen->stop && strcmp(seen->stop, now->job->id) == 0;
}

static struct seen look(struct fixture *f, const char *stop)
{
    struct seen seen = {.stop = stop};
    running_each(f->running, see, &seen);
    return seen;
}

static void test_seen_while_it_runs(void **state)
{
    struct fixture *f = *state;
    const struct job job = {.id = "a"};
    assert_int_equal(look(f, NULL).count, 0);
    begin(f, 1, &job, 17);
    running_set_progress(f->running, 1, slice_of("{\n\"n\":1\r}"));
    struct seen seen = look(f, NULL);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.id, "a");
    assert_int_equal(seen.number, 17);
    assert_string_equal(seen.progress, "{ \"n\":1 }");
    assert_false(end(f, 1));
    assert_int_equal(look(f, NULL).count, 0);
    /* The next job has no progress yet. */
    begin(f, 1, &job, 18);
    assert_string_equal(look(f, NULL).progress, "");
    assert_false(end(f, 1));
}

static void test_long_progress_is_left_out(void **state)
{
    struct fixture *f = *state;
    const struct job job = {.id = "a"};
    char *text = mem_new(RUNNING_PROGRESS_MAX + 2);
    memset(text, '1', RUNNING_PROGRESS_MAX + 1);
    begin(f, 0, &job, 1);
    running_set_progress(f->running, 0, slice_of("7"));
    running_set_progress(f->running, 0, slice_of(text));
    assert_string_equal(look(f, NULL).progress, "7");
    assert_false(end(f, 0));
    free(text);
}

/* What is stopped is one job: not its neighbour, and not the next in its thread. */
static void test_stops_one(void **state)
{
    struct fixture *f = *state;
    const struct job a = {.id = "a"}, b = {.id = "b"};
    begin(f, 0, &a, 1);
    begin(f, 1, &b, 2);
    assert_int_equal(look(f, "a").count, 2);
    assert_true(must_stop(f, 0));
    assert_false(must_stop(f, 1));
    assert_true(end(f, 0));
    assert_false(must_stop(f, 0));
    begin(f, 0, &b, 3);
    assert_false(must_stop(f, 0));
    assert_false(end(f, 0));
    assert_false(end(f, 1));
}

static void test_stop_all_lasts(void **state)
{
    struct fixture *f = *state;
    const struct job a = {.id = "a"};
    begin(f, 0, &a, 1);
    running_stop_all(f->running);
    assert_true(must_stop(f, 0));
    assert_true(must_stop(f, 1));
    (void)look(f, "a");
    assert_true(end(f, 0));
    assert_true(must_stop(f, 0));
}

/* A thread that runs job after job, each with its number for an id. */
struct racer {
    struct fixture *f;
    struct job job;
    int64_t stopped; /* runs that were told to have been stopped */
    int64_t misled;  /* runs that began with the descriptor set */
    _Atomic bool is_over;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    for (int64_t i = 1; i <= RUNS; i++) {
        snprintf(racer->job.id, sizeof racer->job.id, "%lld", (long long)i);
        racer->misled += must_stop(racer->f, 0);
        begin(racer->f, 0, &racer->job, i);
        racer->stopped += end(racer->f, 0);
    }
    atomic_store(&racer->is_over, true);
    return NULL;
}

struct chase {
    int64_t stopped;
    bool is_torn; /* saw one job's number with another's id */
};

static bool chase(void *context, const struct running_job *now)
{
    struct chase *chase = context;
    char id[JOB_ID_MAX + 1];
    snprintf(id, sizeof id, "%lld", (long long)now->activity.run.number);
    chase->is_torn = chase->is_torn || strcmp(id, now->job->id) != 0;
    chase->stopped++;
    return true;
}

static void test_race(void **state)
{
    struct fixture *f = *state;
    struct racer racer = {.f = f};
    struct chase hunter = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, race, &racer), 0);
    while (!atomic_load(&racer.is_over))
        running_each(f->running, chase, &hunter);
    pthread_join(thread, NULL);
    assert_false(hunter.is_torn);
    assert_int_equal(racer.misled, 0);
    /* Every stop has hit a run, and each run that says so was hit (once or more often). */
    assert_true(racer.stopped <= hunter.stopped);
    assert_true((racer.stopped == 0) == (hunter.stopped == 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seen_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_progress_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stops_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_all_lasts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
