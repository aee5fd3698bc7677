#include "support/cmocka_all.h"
#include "support/worker_fixture.h"

#include "base/buf.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_FD = 7, CHILDREN_MAX = 64, BATCH = 1000 };

int worker_fixture_setup_with(void **state, const char *const *server_args)
{
    struct worker_fixture *fixture = mem_new(sizeof *fixture);
    fixture->server = redis_server_start(server_args);
    fixture->conn = commands_connect(redis_server_url(fixture->server));
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s",
                   redis_server_directory(fixture->server));
    *state = fixture;
    return 0;
}

int worker_fixture_setup(void **state)
{
    return worker_fixture_setup_with(state, NULL);
}

int worker_fixture_setup_durable(void **state)
{
    return worker_fixture_setup_with(
        state, COMMANDS_ARGS("--appendonly", "yes", "--appendfsync", "always"));
}

int worker_fixture_teardown(void **state)
{
    struct worker_fixture *fixture = *state;
    conn_close(fixture->conn);
    redis_server_stop(fixture->server);
    free(fixture);
    return 0;
}

int worker_fixture_reset(void **state)
{
    struct worker_fixture *fixture = *state;
    commands_must_connect(fixture->conn);
    /* On a busy machine the server may not have noticed yet that workers of an earlier test were
     * killed: a push would wake their pops, and be lost with them. */
    commands_do(fixture->conn, "CLIENT", "KILL", "TYPE", "normal");
    commands_do(fixture->conn, "FLUSHALL");
    fixture->test++;
    fixture->program = "darg-worker";
    memset(fixture->env, 0, sizeof fixture->env);
    fixture->group = NULL;
    fixture->terminal = NULL;
    return 0;
}

int worker_fixture_end(void **state)
{
    struct worker_fixture *fixture = *state;
    for (size_t i = 0; i < fixture->count; i++) {
        worker_fixture_kill(fixture->workers[i]);
        process_free(fixture->workers[i]);
    }
    fixture->count = 0;
    return 0;
}

/* ---- workers ---- */

struct process *worker_fixture_run_args(struct worker_fixture *fixture, const char *const *args,
                                        int ready_fd)
{
    struct buf path = {0}, directory = {0};
    const char *build = getenv("DARG_BUILD_DIR");
    buf_printf(&path, "%s/%s", build == NULL ? "build" : build, fixture->program);
    buf_printf(&directory, "DIR=%s/%d", fixture->directory, fixture->test);
    const char *argv[32] = {buf_text(&path)};
    for (size_t i = 0; args[i] != NULL; i++) {
        ensure(i + 2 < sizeof argv / sizeof argv[0], "%zu arguments", i + 1);
        argv[i + 1] = args[i];
    }
    const char *env[16] = {buf_text(&directory), "DARG_REDIS_URL", "REDIS_URL",        "DARG_QUEUE",
                           "DARG_NAMESPACE",     "DARG_LOG_LEVEL", "DARG_PASS_ENV=DIR"};
    memcpy(env + 7, fixture->env, sizeof fixture->env);
    ensure(fixture->count < WORKER_FIXTURE_MAX, "too many workers");
    const struct process_options options = {.argv = control_group_enter(fixture->group, argv),
                                            .env = env,
                                            .terminal = fixture->terminal,
                                            .ready_fd = ready_fd};
    struct process *worker = process_start(&options);
    fixture->workers[fixture->count++] = worker;
    buf_fini(&path);
    buf_fini(&directory);
    return worker;
}

struct process *worker_fixture_start_args(struct worker_fixture *fixture, bool is_awaited,
                                          const char *const *args)
{
    const char *all[32] = {"-r", redis_server_url(fixture->server), "--ready-fd", "7"};
    for (size_t i = 0; args[i] != NULL; i++) {
        ensure(i + 5 < sizeof all / sizeof all[0], "%zu arguments", i + 1);
        all[i + 4] = args[i];
    }
    struct process *worker = worker_fixture_run_args(fixture, all, READY_FD);
    if (is_awaited)
        process_wait_ready(worker, WORKER_FIXTURE_WAIT_MS);
    return worker;
}

void worker_fixture_expect_exit(struct process *worker, int exit_code)
{
    int got = process_wait(worker, WORKER_FIXTURE_WAIT_MS);
    if (got != exit_code)
        fail_msg("exit code %d, not %d; its log:\n%s", got, exit_code, process_stderr(worker));
}

void worker_fixture_kill(struct process *worker)
{
    pid_t children[CHILDREN_MAX];
    if (process_poll(worker) >= 0)
        return;
    /* Stopped first, so that it starts no other child. */
    process_signal(worker, SIGSTOP);
    size_t count = worker_fixture_children(worker, children, CHILDREN_MAX);
    for (size_t i = 0; i < count; i++)
        (void)kill(children[i], SIGKILL);
    process_signal(worker, SIGKILL);
    (void)process_wait(worker, WORKER_FIXTURE_WAIT_MS);
}

/* ---- files ---- */

static char *next_text(void)
{
    static char texts[4][256];
    static unsigned next;
    return texts[next++ % 4];
}

const char *worker_fixture_path(struct worker_fixture *fixture, const char *name)
{
    char *path = next_text();
    (void)snprintf(path, 256, "%s/%d%s", fixture->directory, fixture->test, name);
    return path;
}

const char *worker_fixture_handler(struct worker_fixture *fixture, const char *type,
                                   const char *script)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%d%s.sh", fixture->directory, fixture->test, type);
    FILE *file = fopen(path, "we");
    ensure(file != NULL && fputs(script, file) >= 0 && fclose(file) == 0, "cannot write %s", path);
    char *option = next_text();
    (void)snprintf(option, 256, "%s=sh %.200s", type, path);
    return option;
}

void worker_fixture_touch(const char *path)
{
    FILE *file = fopen(path, "we");
    ensure(file != NULL && fclose(file) == 0, "cannot write %s", path);
}

char *worker_fixture_read(const char *path)
{
    struct buf text = {0};
    FILE *file = fopen(path, "re");
    char part[4096];
    size_t len;
    while (file != NULL && (len = fread(part, 1, sizeof part, file)) > 0)
        buf_append(&text, part, len);
    if (file != NULL)
        (void)fclose(file);
    return buf_take(&text);
}

struct lines {
    const char *path;
    size_t count;
};

static bool has_lines(void *context)
{
    const struct lines *lines = context;
    char *text = worker_fixture_read(lines->path);
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    free(text);
    return count >= lines->count;
}

void worker_fixture_wait_lines(const char *path, size_t count)
{
    struct lines lines = {path, count};
    if (!wait_until(has_lines, &lines, WORKER_FIXTURE_WAIT_MS))
        fail_msg("%s has not got %zu lines", path, count);
}

/* ---- jobs ---- */

void worker_fixture_push_args(struct worker_fixture *fixture, const char *const *jobs)
{
    for (; *jobs != NULL; jobs++)
        commands_do(fixture->conn, "LPUSH", "darg:{jobs}", *jobs);
}

void worker_fixture_push_many(struct worker_fixture *fixture, size_t count, const char *type,
                              const char *args)
{
    struct request request = {0};
    struct buf job = {0};
    for (size_t at = 0; at < count; at += BATCH) {
        request_clear(&request);
        request_add_text(&request, "LPUSH");
        request_add_text(&request, "darg:{jobs}");
        for (size_t i = at; i < count && i < at + BATCH; i++) {
            buf_clear(&job);
            buf_printf(&job, "{\"type\":\"%s\",\"args\":%s,\"id\":\"j%zu\",\"reply\":\"r\"}", type,
                       args, i);
            request_add(&request, buf_slice(&job));
        }
        struct err err = {0};
        struct reply *reply = NULL;
        if (conn_call(fixture->conn, &request, &reply, &err) != ST_OK)
            fail_msg("%s", err_text(&err));
        reply_free(reply);
    }
    buf_fini(&job);
    request_fini(&request);
}

/* ---- what Redis says ---- */

int64_t worker_fixture_count(struct worker_fixture *fixture, const char *name)
{
    char *text = commands_text(fixture->conn, "HGET", "darg:{jobs}:counts", name);
    int64_t value = text == NULL ? 0 : strtoll(text, NULL, 10);
    free(text);
    return value;
}

int64_t worker_fixture_held(struct worker_fixture *fixture)
{
    int64_t held = 0;
    struct reply *keys = commands_run(fixture->conn, "KEYS", "darg:{jobs}:claimed:*");
    for (size_t i = 0; i < reply_count(keys); i++) {
        char *key = slice_dup(reply_slice(reply_at(keys, i)));
        held += commands_int(fixture->conn, "HLEN", key) -
                commands_int(fixture->conn, "HEXISTS", key, "last") -
                commands_int(fixture->conn, "HEXISTS", key, "blame");
        free(key);
    }
    reply_free(keys);
    return held;
}

struct expected {
    struct worker_fixture *fixture;
    const char *name; /* NULL: the number of jobs held */
    int64_t value;
    bool is_exact;
    int64_t got;
};

static bool has_value(void *context)
{
    struct expected *expected = context;
    expected->got = expected->name != NULL ? worker_fixture_count(expected->fixture, expected->name)
                                           : worker_fixture_held(expected->fixture);
    return expected->is_exact ? expected->got == expected->value : expected->got >= expected->value;
}

static void wait_value(struct expected expected)
{
    if (wait_until(has_value, &expected, WORKER_FIXTURE_WAIT_MS))
        return;
    for (size_t i = 0; i < expected.fixture->count; i++)
        fprintf(stderr, "--- worker %zu\n%s", i, process_stderr(expected.fixture->workers[i]));
    fail_msg("%s is %lld, not %lld", expected.name != NULL ? expected.name : "held",
             (long long)expected.got, (long long)expected.value);
}

void worker_fixture_wait_count(struct worker_fixture *fixture, const char *name, int64_t value)
{
    wait_value((struct expected){fixture, name, value, false, 0});
    assert_int_equal(worker_fixture_count(fixture, name), value);
}

void worker_fixture_wait_above(struct worker_fixture *fixture, const char *name, int64_t value)
{
    wait_value((struct expected){fixture, name, value, false, 0});
}

void worker_fixture_wait_held(struct worker_fixture *fixture, int64_t value)
{
    wait_value((struct expected){fixture, NULL, value, true, 0});
}

struct renewal {
    struct worker_fixture *fixture;
    char *worker, *score;
};

static bool has_renewed(void *context)
{
    struct renewal *renewal = context;
    char *score =
        commands_text(renewal->fixture->conn, "ZSCORE", "darg:{jobs}:workers", renewal->worker);
    bool is_new = score != NULL && strcmp(score, renewal->score) != 0;
    free(score);
    return is_new;
}

static void wait_renewals(struct worker_fixture *fixture, struct slice worker)
{
    struct renewal renewal = {.fixture = fixture, .worker = slice_dup(worker)};
    for (int i = 0; i < 2; i++) {
        renewal.score =
            commands_text(fixture->conn, "ZSCORE", "darg:{jobs}:workers", renewal.worker);
        assert_non_null(renewal.score);
        assert_true(wait_until(has_renewed, &renewal, WORKER_FIXTURE_WAIT_MS));
        free(renewal.score);
    }
    free(renewal.worker);
}

void worker_fixture_wait_renewals(struct worker_fixture *fixture)
{
    struct reply *workers = commands_run(fixture->conn, "ZRANGE", "darg:{jobs}:workers", "0", "-1");
    assert_true(reply_count(workers) > 0);
    for (size_t i = 0; i < reply_count(workers); i++)
        wait_renewals(fixture, reply_slice(reply_at(workers, i)));
    reply_free(workers);
}

void worker_fixture_expect_clean(struct worker_fixture *fixture)
{
    static const char *const patterns[] = {
        "darg:{jobs}",         "darg:{jobs}:inbox",  "darg:{jobs}:claimed:*", "darg:{jobs}:workers",
        "darg:{jobs}:drained", "darg:{jobs}:reaped", "darg:{jobs}:suspects"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct reply *keys = commands_run(fixture->conn, "KEYS", patterns[i]);
        if (reply_count(keys) > 0)
            fail_msg("there is still %s", patterns[i]);
        reply_free(keys);
    }
    static const char *const ends[] = {"done", "retried", "buried", "released", "reaped"};
    int64_t held = worker_fixture_count(fixture, "claimed");
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        held -= worker_fixture_count(fixture, ends[i]);
    assert_int_equal(held, 0);
}
