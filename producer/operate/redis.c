/* darg redis: looks after the private server of a local: URL. */
#include "producer/shared/commands.h"
#include "producer/shared/context.h"
#include "producer/shared/table.h"

#include "redis/local.h"

#include <cjson/cJSON.h>
#include <stdio.h>

enum action { SHOW, STOP };

static int show(const struct context *context, const char *directory)
{
    struct local_status status = {0};
    struct err err = {0};
    if (local_status(directory, &status, &err) != ST_OK)
        return context_fail(&err);
    if (context->is_json) {
        struct cJSON *object = cJSON_CreateObject();
        table_json_text(object, "directory", slice_of(directory));
        cJSON_AddBoolToObject(object, "running", status.is_running);
        table_json_int(object, "pid", status.is_running ? status.pid : -1);
        table_json_print(object);
    } else if (status.is_running) {
        printf("running, process %lld, in %s\n", (long long)status.pid, directory);
    } else {
        printf("not running, in %s\n", directory);
    }
    return status.is_running ? DARG_OK : DARG_NO_REDIS;
}

static int stop(const char *directory)
{
    struct local_status status = {0};
    struct err err = {0};
    if (local_status(directory, &status, &err) != ST_OK || local_stop(directory, &err) != ST_OK)
        return context_fail(&err);
    context_note(status.is_running ? "the Redis in %s has stopped" : "no Redis was running in %s",
                 directory);
    return DARG_OK;
}

static int run(const struct context_spec *spec, enum action action, int argc, char **argv)
{
    struct context context;
    struct buf directory = {0};
    struct err err = {0};
    int exit_code;
    if (!context_parse(&context, spec, argc, argv, &exit_code))
        goto out;
    if (context.url.transport != REDIS_LOCAL) {
        exit_code = context_usage(spec, "only a private Redis can be asked about: -r local:[dir]");
        goto out;
    }
    if (local_directory(context.url.path, &directory, &err) != ST_OK)
        exit_code = context_fail(&err);
    else
        exit_code =
            action == SHOW ? show(&context, buf_text(&directory)) : stop(buf_text(&directory));
out:
    buf_fini(&directory);
    context_fini(&context);
    return exit_code;
}

static int redis_status_main(int argc, char **argv)
{
    const struct context_spec spec = {
        .program = "darg redis status",
        .usage = "-r local:[dir] [options]",
        .summary = "Says whether the private Redis runs; exits with 3 if not.",
        .examples = "  darg redis status -r local:\n",
        .uses = CONTEXT_JSON};
    return run(&spec, SHOW, argc, argv);
}

static int redis_stop_main(int argc, char **argv)
{
    const struct context_spec spec = {.program = "darg redis stop",
                                      .usage = "-r local:[dir] [options]",
                                      .summary = "Saves and ends the private Redis.",
                                      .examples = "  darg redis stop -r local:/tmp/try\n"};
    return run(&spec, STOP, argc, argv);
}

int redis_main(int argc, char **argv)
{
    static const struct command table[] = {
        {"status", "whether it runs", redis_status_main},
        {"stop", "save and end it", redis_stop_main},
        {0},
    };
    return commands_dispatch("darg redis",
                             "The private Redis that -r local:[dir] starts on first use.", table,
                             argc, argv);
}
