#include "producer/shared/context.h"

#include "base/clock.h"
#include "base/sections.h"
#include "producer/shared/interrupt.h"
#include "queue/options.h"
#include "redis/secret.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 40, PING_MS = 1000 };

struct row_list {
    struct option_row rows[ROWS_MAX];
    size_t count;
};

static void add_row(struct row_list *list, const struct option_row *row)
{
    ensure(list->count + 1 < ROWS_MAX, "%zu options", list->count);
    list->rows[list->count++] = *row;
}

static void add_common_rows(struct row_list *list, unsigned uses)
{
    static const struct {
        unsigned uses; /* 0: every command's */
        struct option_row row;
    } common[] = {
        {CONTEXT_QUEUE,
         {"queue", 'q', OPT_STRING, offsetof(struct context, queue_name), .value_name = "NAME",
          .help = "the queue (default: " QUEUE_DEFAULT_NAME ")"}},
        {CONTEXT_QUEUE | CONTEXT_NAMESPACE,
         {.group = namespace_option_rows, .offset = offsetof(struct context, namespace)}},
        {CONTEXT_JSON,
         {"json", 0, OPT_FLAG, offsetof(struct context, is_json), .help = "print JSON",
          .no_environment = true, .no_file = true}},
        {0, {.group = redis_option_rows, .offset = offsetof(struct context, redis)}},
        {0,
         {"connect-timeout", 0, OPT_DURATION, offsetof(struct context, connect_timeout_ms),
          .value_name = "DURATION", .default_text = "5s",
          .help = "how long to try to reach Redis"}},
    };
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (common[i].uses == 0 || (common[i].uses & uses) != 0)
            add_row(list, &common[i].row);
}

/* One file serves all commands, also those without a queue. */
static const char names_of_others[] = "queue namespace";

/* A command's own options are taken from the command line alone: DARG_YES, DARG_ALL ... would make
 * a harmless line of shell a dangerous one. */
static void make_rows(struct row_list *list, const struct context_spec *spec)
{
    for (const struct option_row *row = spec->rows; row != NULL && row->name != NULL; row++) {
        add_row(list, row);
        list->rows[list->count - 1].no_environment = true;
        list->rows[list->count - 1].no_file = true;
    }
    add_common_rows(list, spec->uses);
    list->rows[list->count] = (struct option_row){0};
}

static enum status make_targets(struct context *context, const struct context_spec *spec, int argc,
                                char **argv, struct err *err)
{
    enum status status =
        redis_options_read(&context->redis, &context->record, &context->url, &context->link, err);
    secret_wipe_argv(argc, argv, context->redis.url);
    if (status == ST_OK && (spec->uses & (CONTEXT_QUEUE | CONTEXT_NAMESPACE)) != 0)
        status = queue_init(&context->queue, context->namespace,
                            context->queue_name ? context->queue_name : QUEUE_DEFAULT_NAME, err);
    return status;
}

bool context_parse(struct context *context, const struct context_spec *spec, int argc, char **argv,
                   int *exit_code)
{
    *context = (struct context){0};
    struct row_list list = {.count = 0};
    make_rows(&list, spec);
    const struct options_spec options = {.program = spec->program,
                                         .usage = spec->usage,
                                         .summary = spec->summary,
                                         .examples = spec->examples,
                                         .rows = list.rows,
                                         .target = context,
                                         .environment_prefix = "DARG_",
                                         .version = "darg " DARG_VERSION,
                                         .record = &context->record,
                                         .sections = SECTIONS_OF_DARG,
                                         .other_sections = SECTIONS_OF_WORKER,
                                         .other_names = names_of_others};
    bool is_done = false;
    struct err err = {0};
    enum status status = options_parse(&options, argc, argv, &context->operands,
                                       &context->operand_count, &is_done, &err);
    *exit_code = DARG_OK;
    if (status == ST_OK && is_done)
        return false;
    if (status == ST_OK)
        status = make_targets(context, spec, argc, argv, &err);
    if (status == ST_OK && context->operand_count > spec->operands_max)
        status = err_set(&err, ST_INVALID, "'%s' is one argument too many",
                         context->operands[spec->operands_max]);
    if (status == ST_OK)
        return true;
    *exit_code = context_usage(spec, "%s", err_text(&err));
    return false;
}

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

bool context_begin(struct context *context, const struct context_spec *spec, int argc, char **argv,
                   int *exit_code)
{
    struct err err = {0};
    if (!context_parse(context, spec, argc, argv, exit_code))
        return false;
    if (context_connect(context, &err) == ST_OK)
        return true;
    *exit_code = context_fail(&err);
    return false;
}

int context_fail(const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "darg: %s\n", err_text(err));
    return err->status == ST_UNREACHABLE || err->status == ST_NOAUTH ? DARG_NO_REDIS : DARG_FAILED;
}

int context_usage(const struct context_spec *spec, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", spec->program);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry '%s --help'.\n", spec->program);
    va_end(args);
    return DARG_USAGE;
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
