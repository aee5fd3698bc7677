#include "producer/shared/context.h"

#include "producer/shared/interrupt.h"
#include "redis/conn_await.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

enum status context_await(struct conn *conn, int64_t limit_ms, struct err *err)
{
    const struct patience patience = interrupt_patience();
    return conn_await(conn, limit_ms, &patience, err);
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
    fflush(stdout); /* both may go to one file, where the reason comes after the results */
    fprintf(stderr, "darg: %s\n", err_text(err));
    return err->status == ST_UNREACHABLE || err->status == ST_NOAUTH ? DARG_NO_REDIS : DARG_FAILED;
}

void context_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr); /* erases the progress line */
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
        context_note("nothing was done: there is no terminal to ask on; use --yes");
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
