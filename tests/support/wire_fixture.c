#include "support/cmocka_all.h"
#include "support/wire_fixture.h"

#include "base/clock.h"
#include "queue/scripts.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Far less than the lease of these workers, and than the time between their audits. */
enum { AT_ONCE_MS = 10000 };
static const char long_lease[] = "60s";

#define NOTE "echo \"$DARG_JOB_ID $DARG_JOB_RUN\" >>\"${DIR}ran\"\n"

int wire_fixture_setup(void **state)
{
    int failed = worker_fixture_setup(state);
    const struct worker_fixture *base = *state;
    for (size_t i = 0; script_all[i] != NULL; i++) {
        struct err err = {0};
        ensure(script_load(base->conn, script_all[i], &err) == ST_OK, "%s", err_text(&err));
    }
    return failed;
}

struct wire_fixture wire_fixture_begin(struct worker_fixture *base)
{
    void *state = base;
    (void)worker_fixture_reset(&state);
    return (struct wire_fixture){
        .base = base,
        .proxy = proxy_start(redis_server_socket(base->server), base->directory, "proxy.sock"),
    };
}

void wire_fixture_end(struct wire_fixture *wire)
{
    void *state = wire->base;
    (void)worker_fixture_end(&state);
    proxy_stop(wire->proxy);
}

struct process *wire_fixture_start_args(struct wire_fixture *wire, const char *url,
                                        const char *const *args)
{
    struct worker_fixture *base = wire->base;
    const char *all[28] = {
        "-r",
        url,
        "-q",
        "jobs",
        "--backoff",
        "5ms",
        "--log-level",
        "warn",
        "--handler",
        worker_fixture_handler(base, "note", NOTE),
        "--handler",
        worker_fixture_handler(base, "once", NOTE "[ $DARG_JOB_ATTEMPT -gt 1 ]\n"),
        "--handler",
        worker_fixture_handler(base, "never", NOTE "exit 1\n"),
        "--handler",
        worker_fixture_handler(base, "gate",
                               NOTE "while [ $DARG_JOB_RUN -eq 1 ] && ! [ -e \"${DIR}gate\" ]\n"
                                    "do sleep 0.02; done\n")};
    for (size_t i = 0; args[i] != NULL; i++) {
        ensure(i + 17 < sizeof all / sizeof all[0], "%zu arguments", i + 1);
        all[i + 16] = args[i];
    }
    return worker_fixture_start_args(base, true, all);
}

void wire_fixture_push(struct wire_fixture *wire, const char *type, size_t count)
{
    struct request request = {0};
    struct buf job = {0};
    request_add_text(&request, "LPUSH");
    request_add_text(&request, "darg:{jobs}");
    for (size_t i = 0; i < count; i++) {
        buf_clear(&job);
        int attempts = strcmp(type, "never") == 0 ? 1 : 25;
        buf_printf(&job, "{\"type\":\"%s\",\"id\":\"j%zu\",\"max_attempts\":%d,\"reply\":\"r\"}",
                   type, wire->pushed++, attempts);
        request_add(&request, buf_slice(&job));
    }
    struct err err = {0};
    struct reply *reply = NULL;
    ensure(conn_call(wire->base->conn, &request, &reply, &err) == ST_OK, "%s", err_text(&err));
    reply_free(reply);
    buf_fini(&job);
    request_fini(&request);
}

void wire_fixture_break(struct wire_fixture *wire, const char *word, int way)
{
    static const struct proxy_fault ways[WIRE_FIXTURE_WAYS] = {
        {.action = PROXY_CUT_REPLY, .times = 2, .keep = 0},
        {.action = PROXY_CUT_REPLY, .times = 2, .keep = -1},
        {.action = PROXY_CUT_REQUEST, .times = 2, .keep = 0},
        {.action = PROXY_CUT_REQUEST, .times = 2, .keep = -1},
    };
    struct proxy_fault fault = ways[way];
    fault.word = word;
    proxy_arm(wire->proxy, &fault);
}

bool wire_fixture_is_reply(int way)
{
    return way < 2;
}

const char *wire_fixture_ran_path(struct wire_fixture *wire)
{
    return worker_fixture_path(wire->base, "ran");
}

void wire_fixture_open_gate(struct wire_fixture *wire)
{
    worker_fixture_touch(worker_fixture_path(wire->base, "gate"));
}

struct checker *wire_fixture_checker(struct wire_fixture *wire)
{
    struct checker *checker = checker_new(wire->base->conn, wire->pushed);
    checker_note_file(checker, wire_fixture_ran_path(wire));
    return checker;
}

struct awaited_hits {
    struct proxy *proxy;
    uint64_t hits;
};

static bool has_hit(void *context)
{
    const struct awaited_hits *awaited = context;
    return proxy_counts(awaited->proxy).all_hit >= awaited->hits;
}

void wire_fixture_wait_hits(struct wire_fixture *wire, uint64_t hits)
{
    struct awaited_hits awaited = {wire->proxy, hits};
    if (!wait_until(has_hit, &awaited, WORKER_FIXTURE_WAIT_MS))
        fail_msg("the proxy's faults have hit %llu times, not %llu",
                 (unsigned long long)proxy_counts(wire->proxy).all_hit, (unsigned long long)hits);
}

struct awaited_request {
    struct proxy *proxy;
    const char *word;
};

static bool is_captured(void *context)
{
    const struct awaited_request *awaited = context;
    for (size_t i = proxy_counts(awaited->proxy).captured; i-- > 0;) {
        struct slice text = proxy_captured(awaited->proxy, i);
        if (memmem(text.ptr, text.len, awaited->word, strlen(awaited->word)) != NULL)
            return true;
    }
    return false;
}

void wire_fixture_wait_captured(struct wire_fixture *wire, const char *word)
{
    struct awaited_request awaited = {wire->proxy, word};
    if (!wait_until(is_captured, &awaited, WORKER_FIXTURE_WAIT_MS))
        fail_msg("there was no request with %s", word);
}

void wire_fixture_stop(struct wire_fixture *wire, struct process *worker)
{
    process_signal(worker, SIGTERM);
    worker_fixture_expect_exit(worker, 0);
    assert_int_equal(commands_int(wire->base->conn, "EXISTS", "darg:{jobs}:workers",
                                  "darg:{jobs}:reaped", "darg:{jobs}:drained"),
                     0);
}

void wire_fixture_live(struct wire_fixture *wire, bool with_retries, const char *what)
{
    enum { NOTES = 8, NEVER = 2, ONCE = 2 };
    size_t once = with_retries ? ONCE : 0;
    struct process *worker = wire_fixture_start(wire, "-t", "3", "--lease", long_lease);
    int64_t since_ms = clock_mono_ms();
    wire_fixture_push(wire, "note", 1);
    worker_fixture_wait_count(wire->base, "done", 1);
    wire_fixture_push(wire, "note", NOTES - 1);
    wire_fixture_push(wire, "never", NEVER);
    if (with_retries)
        wire_fixture_push(wire, "once", once);
    worker_fixture_wait_count(wire->base, "done", NOTES + (int64_t)once);
    worker_fixture_wait_count(wire->base, "buried", NEVER);
    int64_t took_ms = clock_mono_ms() - since_ms;
    if (took_ms > AT_ONCE_MS)
        fail_msg("%s: the jobs took %lld ms", what, (long long)took_ms);
    wire_fixture_stop(wire, worker);
    struct checker *checker = wire_fixture_checker(wire);
    for (size_t i = NOTES + NEVER; i < wire->pushed; i++)
        checker_expect_runs(checker, i, 2);
    checker_expect(checker, 0, NEVER, what);
}
