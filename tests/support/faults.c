#include "support/cmocka_all.h"
#include "support/faults.h"

#include "support/checker.h"
#include "support/wait.h"

#include <stdlib.h>
#include <string.h>

size_t faults_in_log(struct process *worker, const char *text)
{
    size_t count = 0;
    for (const char *at = process_stderr(worker); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

size_t faults_in_logs(struct worker_fixture *f, const char *text)
{
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        count += faults_in_log(f->workers[i], text);
    return count;
}

void faults_expect_all(struct worker_fixture *f, size_t jobs, const char *what)
{
    worker_fixture_wait_above(f, "done", (int64_t)jobs);
    worker_fixture_wait_held(f, 0);
    struct checker *checker = checker_new(f->conn, jobs);
    checker_note_replies(checker, "darg:{jobs}:reply:r");
    checker_expect(checker, 0, 0, what);
    print_message("%s: %zu jobs, %lld recovered, %zu runs after the first\n", what, jobs,
                  (long long)worker_fixture_count(f, "reaped"),
                  worker_fixture_outcomes(f, jobs).reruns);
}

/* ---- the dead set ---- */

struct dead {
    struct worker_fixture *fixture;
    size_t count;
};

static bool are_dead(void *context)
{
    struct dead *dead = context;
    return commands_int(dead->fixture->conn, "ZCARD", "darg:{jobs}:dead") == (int64_t)dead->count;
}

static bool holds(struct slice text, struct slice part)
{
    return memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

void faults_expect_dead(struct worker_fixture *f, size_t count, struct slice part,
                        const char *reason)
{
    struct dead wanted = {f, count};
    if (!wait_until(are_dead, &wanted, WORKER_FIXTURE_WAIT_MS))
        fail_msg("there are not %zu dead jobs", count);
    struct reply *dead = commands_run(f->conn, "ZRANGE", "darg:{jobs}:dead", "0", "-1");
    bool is_found = false;
    for (size_t i = 0; i < reply_count(dead) && !is_found; i++) {
        struct slice member = reply_slice(reply_at(dead, i));
        is_found = holds(member, part) && holds(member, slice_of(reason));
    }
    if (!is_found)
        fail_msg("no dead job holds '%.*s' and '%s'", (int)(part.len < 200 ? part.len : 200),
                 part.ptr, reason);
    reply_free(dead);
}

/* ---- processes ---- */

struct pids {
    const pid_t *pids;
    size_t count;
};

static bool are_gone(void *context)
{
    const struct pids *pids = context;
    for (size_t i = 0; i < pids->count; i++)
        if (worker_fixture_is_alive(pids->pids[i]))
            return false;
    return true;
}

void faults_wait_gone(const pid_t *pids, size_t count)
{
    struct pids wanted = {pids, count};
    assert_true(wait_until(are_gone, &wanted, WORKER_FIXTURE_WAIT_MS));
}

/* ---- times ---- */

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

int64_t faults_print_times(const char *what, int64_t *durations_ms, size_t count)
{
    qsort(durations_ms, count, sizeof *durations_ms, by_size);
    int64_t p50 = durations_ms[count / 2];
    print_message("%s: p50 %lld ms, max %lld ms, of %zu\n", what, (long long)p50,
                  (long long)durations_ms[count - 1], count);
    return p50;
}
