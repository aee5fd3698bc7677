#include "producer/shared/command.h"

#include "base/sections.h"
#include "producer/shared/interrupt.h"
#include "queue/options.h"
#include "redis/secret.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GO_ON = -1 };

/* One call of a command: what all have, and behind it the command's own options. They are one
 * block, because a table of options knows only one struct: offsets in the context and offsets in
 * the command's struct, which is at the same place in every call, can then be in one table. */
struct call {
    struct context context;
    alignas(max_align_t) char options[];
};

static const struct option_row queue_rows[] = {
    {"queue", 'q', OPTION_FIELD(OPT_STRING, struct context, queue_name), .value_name = "NAME",
     .help = "the queue (default: " QUEUE_DEFAULT_NAME ")"},
    OPTIONS_END,
};

static const struct option_row json_rows[] = {
    {"json", 0, OPTION_FIELD(OPT_FLAG, struct context, is_json), .help = "print JSON",
     .no_environment = true, .no_file = true},
    OPTIONS_END,
};

static const struct option_row timeout_rows[] = {
    {"connect-timeout", 0, OPTION_FIELD(OPT_DURATION, struct context, connect_timeout_ms),
     .value_name = "DURATION", .default_text = "5s", .help = "how long to try to reach Redis"},
    OPTIONS_END,
};

/* A call begins with the context, so offsets in the context are offsets in the call. */
static const struct {
    unsigned needs; /* of a command that takes them; 0: all take them */
    struct option_row group;
} common[] = {
    {NEEDS_QUEUE, {.group = queue_rows}},
    {NEEDS_QUEUE | NEEDS_NAMESPACE,
     {OPTION_GROUP(namespace_option_rows, const char *, struct context, namespace)}},
    {NEEDS_JSON, {.group = json_rows}},
    {0, {OPTION_GROUP(redis_option_rows, struct redis_options, struct context, redis)}},
    {0, {.group = timeout_rows}},
};
enum { COMMON = sizeof common / sizeof common[0] };

/* A command's own options are read only from the command line: with DARG_YES, DARG_ALL ... a
 * harmless line of shell would become a dangerous one. */
static void make_rows(const struct command *command, struct option_row rows[COMMON + 2])
{
    if (command->rows)
        *rows++ = (struct option_row){.group = command->rows,
                                      .offset = offsetof(struct call, options),
                                      .no_environment = true,
                                      .no_file = true};
    for (size_t i = 0; i < COMMON; i++)
        if (common[i].needs == 0 || (common[i].needs & command->needs) != 0)
            *rows++ = common[i].group;
    *rows = (struct option_row)OPTIONS_END;
}

/* One file serves all commands, even those without a queue. */
static const char names_of_others[] = "queue namespace";

static struct options_spec make_spec(const struct command *command, const char *program,
                                     const struct option_row *rows, struct call *call)
{
    return (struct options_spec){.program = program,
                                 .usage = command->usage,
                                 .summary = command->summary,
                                 .examples = command->examples,
                                 .rows = rows,
                                 .target = call,
                                 .environment_prefix = "DARG_",
                                 .version = "darg " DARG_VERSION,
                                 .record = &call->context.record,
                                 .sections = SECTIONS_OF_DARG,
                                 .other_sections = SECTIONS_OF_WORKER,
                                 .other_names = names_of_others};
}

static enum status parse(const struct command *command, const char *program, struct call *call,
                         int argc, char **argv, bool *is_done, struct err *err)
{
    struct option_row rows[COMMON + 2];
    struct context *context = &call->context;
    make_rows(command, rows);
    const struct options_spec spec = make_spec(command, program, rows, call);
    return options_parse(&spec, argc, argv, &context->operands, &context->operand_count, is_done,
                         err);
}

static enum status make_targets(const struct command *command, struct context *context, int argc,
                                char **argv, struct err *err)
{
    enum status status =
        redis_options_read(&context->redis, &context->record, &context->url, &context->link, err);
    secret_wipe_argv(argc, argv, context->redis.url);
    if (status == ST_OK && (command->needs & (NEEDS_QUEUE | NEEDS_NAMESPACE)) != 0)
        status = queue_init(&context->queue, context->namespace,
                            context->queue_name ? context->queue_name : QUEUE_DEFAULT_NAME, err);
    return status;
}

static enum status check(const struct command *command, struct call *call, struct err *err)
{
    const struct context *context = &call->context;
    if (context->operand_count > command->operands_max)
        return err_set(err, ST_INVALID, "'%s' is one argument too many",
                       context->operands[command->operands_max]);
    if (command->operand && context->operand_count == 0)
        return err_set(err, ST_INVALID, "%s is missing", command->operand);
    return command->check ? command->check(context, call->options, err) : ST_OK;
}

static int prepare(const struct command *command, const char *program, struct call *call, int argc,
                   char **argv)
{
    bool is_done = false;
    struct err err = {0};
    enum status status = parse(command, program, call, argc, argv, &is_done, &err);
    if (status == ST_OK && is_done)
        return DARG_OK;
    if (status == ST_OK)
        status = make_targets(command, &call->context, argc, argv, &err);
    if (status == ST_OK)
        status = check(command, call, &err);
    if (status != ST_OK)
        return command_refuse(program, "%s", err_text(&err));
    if ((command->needs & NEEDS_CONNECTION) != 0 && context_connect(&call->context, &err) != ST_OK)
        return context_fail(&err);
    return GO_ON;
}

static struct call *begin(const struct command *command)
{
    ensure(!command->rows || options_extent(command->rows) <= command->options_size,
           "%s: options_size is not that of the struct of the rows", command->name);
    struct call *call = mem_new(sizeof *call + command->options_size);
    if (command->defaults)
        memcpy(call->options, command->defaults, command->options_size);
    return call;
}

static void end(const struct command *command, struct call *call)
{
    if (command->rows)
        options_free_lists(command->rows, call->options);
    context_fini(&call->context);
    free(call);
}

int command_run(const struct command *command, const char *program, int argc, char **argv)
{
    struct call *call = begin(command);
    if ((command->needs & NEEDS_INTERRUPT) != 0)
        interrupt_init();
    int code = prepare(command, program, call, argc, argv);
    if (code == GO_ON)
        code = command->run(&call->context, call->options);
    end(command, call);
    if ((command->needs & NEEDS_INTERRUPT) != 0)
        interrupt_end();
    return code;
}

/* Stands for the words before a command. */
static const struct command nothing = {.usage = "[options] COMMAND",
                                       .summary = "Options common to all commands.",
                                       .needs = NEEDS_QUEUE | NEEDS_JSON};

enum status command_count_leading(int argc, char **argv, int *count, struct err *err)
{
    struct option_row rows[COMMON + 2];
    struct call *call = begin(&nothing);
    make_rows(&nothing, rows);
    const struct options_spec spec = make_spec(&nothing, "darg", rows, call);
    enum status status = options_count_leading(&spec, argc, argv, count, err);
    end(&nothing, call);
    return status;
}

int command_run_common(const char *program, int argc, char **argv)
{
    bool is_done = false;
    struct err err = {0};
    struct call *call = begin(&nothing);
    enum status status = parse(&nothing, program, call, argc, argv, &is_done, &err);
    end(&nothing, call);
    return status == ST_OK ? DARG_OK : command_refuse(program, "%s", err_text(&err));
}

int command_refuse(const char *program, const char *format, ...)
{
    char *sentence = NULL;
    va_list args;
    va_start(args, format);
    ensure(vasprintf(&sentence, format, args) >= 0, "out of memory");
    va_end(args);
    fprintf(stderr, "%s: %s\n", program, sentence);
    if (strstr(sentence, " --help") == NULL) /* some say so themselves */
        fprintf(stderr, "Try '%s --help'.\n", program);
    free(sentence);
    return DARG_USAGE;
}
