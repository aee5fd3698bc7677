#include "support/stream_fixture.h"

#include "support/cmocka_all.h"

#include <string.h>

#include "base/clock.h"
#include "worker/handler/stream.h"

static struct stream_fixture *fixture_of(struct handler_observer *observer)
{
    return (struct stream_fixture *)((char *)observer - offsetof(struct stream_fixture, observer));
}

static void hear_progress(struct handler_observer *observer, struct slice text)
{
    struct stream_fixture *fixture = fixture_of(observer);
    buf_append_text(&fixture->said, "progress ");
    buf_append_slice(&fixture->said, text);
    buf_append_char(&fixture->said, ';');
}

static void hear_log(struct handler_observer *observer, enum log_level level, struct slice text)
{
    struct stream_fixture *fixture = fixture_of(observer);
    buf_append_text(&fixture->said, level == LOG_WARN ? "warn " : "log ");
    buf_append_slice(&fixture->said, text);
    buf_append_char(&fixture->said, ';');
}

int stream_fixture_set_up(void **state)
{
    static struct stream_fixture fixture;
    fixture = (struct stream_fixture){.observer = {hear_progress, hear_log}};
    void *exec;
    int failed = exec_fixture_set_up(&exec);
    fixture.exec = exec;
    *state = &fixture;
    if (failed == 0)
        fixture.exec->call.observer = &fixture.observer;
    return failed;
}

static void drop_handler(struct stream_fixture *fixture)
{
    if (!fixture->handler.run)
        return;
    stream_fixture_leave(fixture);
    fixture->handler.free_state(fixture->handler.state);
    fixture->handler = (struct handler){0};
    limits_fini(&fixture->limits);
}

int stream_fixture_tear_down(void **state)
{
    struct stream_fixture *fixture = *state;
    void *exec = fixture->exec;
    drop_handler(fixture);
    buf_fini(&fixture->said);
    return exec_fixture_tear_down(&exec);
}

void stream_fixture_use(struct stream_fixture *fixture, const char *text)
{
    struct err err = {0};
    drop_handler(fixture);
    if (stream_parse(text, &fixture->handler, &err) != ST_OK)
        fail_msg("%s: %s", text, err_text(&err));
    exec_fixture_read_limits(fixture->exec, &fixture->limits);
    if (fixture->exec->limits)
        assert_int_equal(fixture->handler.limit(fixture->handler.state, &fixture->limits, NULL),
                         ST_OK);
}

void stream_fixture_script(struct stream_fixture *fixture, const char *options, const char *script)
{
    static const char reply[] = "REPLY";
    struct buf text = {0};
    buf_printf(&text, "stream%s:sh -c 'read -r hello; while read -r job; do ", options);
    for (const char *at; (at = strstr(script, reply)); script = at + strlen(reply)) {
        buf_append(&text, script, (size_t)(at - script));
        buf_append_text(&text, "{\\\"id\\\":\\\"j1\\\"");
    }
    buf_append_text(&text, script);
    buf_append_text(&text, "\ndone'");
    stream_fixture_use(fixture, buf_text(&text));
    buf_fini(&text);
}

void stream_fixture_leave(struct stream_fixture *fixture)
{
    for (enum handler_leave step = LEAVE_ASK; step <= LEAVE_KILL; step++)
        fixture->handler.leave(fixture->handler.state, fixture->exec->call.thread, step,
                               clock_mono_ms() + 1000);
}

static enum handler_outcome run(struct stream_fixture *fixture, const char *args)
{
    struct exec_fixture *exec = fixture->exec;
    exec->job.args = args ? slice_of(args) : (struct slice){NULL, 0};
    exec->result.retry_after_ms = -1;
    exec->result.is_crash = false;
    exec->result.outcome = HANDLER_DONE;
    buf_clear(&exec->result.output);
    buf_clear(&exec->result.error);
    buf_clear(&fixture->said);
    fixture->handler.run(fixture->handler.state, &exec->call, &exec->result);
    return exec->result.outcome;
}

static void fail_so(const struct stream_fixture *fixture)
{
    const struct handler_result *result = &fixture->exec->result;
    fail_msg("outcome %d, output \"%s\", error \"%s\"", (int)result->outcome,
             buf_text(&result->output), buf_text(&result->error));
}

void stream_fixture_expect(struct stream_fixture *fixture, const char *args,
                           enum handler_outcome outcome, const char *text)
{
    const struct handler_result *result = &fixture->exec->result;
    if (run(fixture, args) != outcome ||
        strcmp(buf_text(&result->output), outcome == HANDLER_DONE ? text : "") != 0 ||
        strcmp(buf_text(&result->error), outcome == HANDLER_DONE ? "" : text) != 0)
        fail_so(fixture);
}

void stream_fixture_expect_error(struct stream_fixture *fixture, enum handler_outcome outcome,
                                 const char *beginning)
{
    const struct handler_result *result = &fixture->exec->result;
    if (run(fixture, NULL) != outcome ||
        strncmp(buf_text(&result->error), beginning, strlen(beginning)) != 0)
        fail_so(fixture);
}
