/* darg redis: looks after the private server of a local: URL. */
#include "producer/operate/commands.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include "redis/local.h"

#include <stdio.h>

static int show(const struct context *context, const char *directory)
{
    struct local_status status = {0};
    struct err err = {0};
    if (local_status(directory, &status, &err) != ST_OK)
        return context_fail(&err);
    if (context->is_json) {
        struct json_writer document = {0}, *json = &document;
        json_open_object(json, NULL);
        json_put_text(json, "directory", slice_of(directory));
        json_put_bool(json, "running", status.is_running);
        document_count(json, "pid", status.is_running ? status.pid : -1);
        json_close_object(json);
        document_print(json);
    } else if (status.is_running) {
        printf("running, process %lld, in %s\n", (long long)status.pid, directory);
    } else {
        printf("not running, in %s\n", directory);
    }
    return status.is_running ? DARG_OK : DARG_NO_REDIS;
}

static int stop(const struct context *context, const char *directory)
{
    struct local_status status = {0};
    struct err err = {0};
    (void)context;
    if (local_status(directory, &status, &err) != ST_OK || local_stop(directory, &err) != ST_OK)
        return context_fail(&err);
    context_note(status.is_running ? "the Redis in %s has stopped" : "no Redis was running in %s",
                 directory);
    return DARG_OK;
}

static enum status check(const struct context *context, void *options, struct err *err)
{
    (void)options;
    if (context->url.transport != REDIS_LOCAL)
        return err_set(err, ST_INVALID, "this is only for a private Redis: -r local:[dir]");
    return ST_OK;
}

static int with_directory(const struct context *context,
                          int (*act)(const struct context *context, const char *directory))
{
    struct buf directory = {0};
    struct err err = {0};
    bool is_found = local_directory(context->url.path, &directory, &err) == ST_OK;
    int code = is_found ? act(context, buf_text(&directory)) : context_fail(&err);
    buf_fini(&directory);
    return code;
}

static int run_status(struct context *context, const void *options)
{
    (void)options;
    return with_directory(context, show);
}

static int run_stop(struct context *context, const void *options)
{
    (void)options;
    return with_directory(context, stop);
}

static const struct command redis_status_command = {
    .name = "status",
    .title = "whether it is running",
    .usage = "-r local:[dir] [options]",
    .summary = "Says whether the private Redis is running; exits with 3 if not.",
    .examples = "  darg redis status -r local:\n",
    .needs = NEEDS_JSON,
    .check = check,
    .run = run_status,
};

static const struct command redis_stop_command = {
    .name = "stop",
    .title = "save and stop it",
    .usage = "-r local:[dir] [options]",
    .summary = "Saves and stops the private Redis.",
    .examples = "  darg redis stop -r local:/tmp/try\n",
    .check = check,
    .run = run_stop,
};

static const struct command *const members[] = {&redis_status_command, &redis_stop_command, NULL};

const struct command redis_command = {
    .name = "redis",
    .title = "the private Redis of local: URLs",
    .summary = "The private Redis that -r local:[dir] starts on first use.",
    .members = members,
};
