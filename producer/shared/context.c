#include "producer/shared/context.h"

#include "base/clock.h"
#include "producer/shared/interrupt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PING_MS = 1000 };

void context_fini(struct context *context)
{
    conn_close(context->conn);
    redis_url_fini(&context->url);
    queue_fini(&context->queue);
    free(context->operands);
    options_record_fini(&context->record);
    *context = (struct context){0};
}

struct conn *context_open(const struct context *context, const char *role)
{
    struct conn_options options = context->link;
    options.client_name = role;
    options.connect_timeout_ms = context->connect_timeout_ms;
    return conn_open(&options);
}

/* A server that has just started lets us in before it has read its data. */
static enum status ping(struct conn *conn, int64_t deadline_ms, struct err *err)
{
    /* Where we have started it ourselves, there may be no time left. */
    int64_t least_ms = clock_mono_ms() + PING_MS;
    conn_limit(conn, deadline_ms > least_ms ? deadline_ms : least_ms);

    struct request request = {0};
    request_add_text(&request, "PING");
    struct reply *reply = NULL;
    enum status status = conn_call(conn, &request, &reply, err);
    reply_free(reply);
    request_fini(&request);
    return status == ST_NOPERM ? ST_OK : status;
}

static enum status await(struct conn *conn, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        enum status status = conn_connect(conn, err);
        if (status == ST_OK)
            status = ping(conn, deadline_ms, err);
        conn_limit(conn, deadline_ms); /* of all tries but the first, which has it for itself */
        /* A password that is refused after it has been good is being changed. */
        bool may_change = status == ST_NOAUTH && conn_generation(conn) > 0;
        if (status != ST_UNREACHABLE && !status_is_transient(status) && !may_change)
            return status;
        int64_t pause_ms = conn_backoff_ms(conn);
        pause_ms = pause_ms < 50 ? 50 : pause_ms;
        if (status == ST_OOM || clock_mono_ms() + pause_ms >= deadline_ms)
            return status == ST_OOM ? ST_OK : status;
        if (!interrupt_sleep(pause_ms))
            return err_set(err, ST_UNREACHABLE, "interrupted while connecting to Redis");
    }
}

enum status context_await(struct conn *conn, int64_t limit_ms, struct err *err)
{
    enum status status = await(conn, clock_mono_ms() + limit_ms, err);
    conn_limit(conn, 0);
    return status;
}

enum status context_connect(struct context *context, struct err *err)
{
    context->conn = context_open(context, "darg");
    enum status status = context_await(context->conn, context->connect_timeout_ms, err);
    if (status != ST_OK)
        err->status = ST_UNREACHABLE; /* whatever the reason: the exit code is the same */
    return status;
}

int context_fail(const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "darg: %s\n", err_text(err));
    return err->status == ST_UNREACHABLE || err->status == ST_NOAUTH ? DARG_NO_REDIS : DARG_FAILED;
}

void context_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr); /* over a line that shows progress */
    fputs("darg: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

bool context_confirm(bool is_yes, const char *format, ...)
{
    if (is_yes)
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        context_note("nothing was done: there is no terminal to ask on; say --yes");
        return false;
    }
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs(" [y/N] ", stderr);
    char answer[16] = "";
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    context_note("nothing was done");
    return false;
}

bool context_flush_output(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}
