#include "worker/settings/options_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "queue/keys.h"
#include "redis/secret.h"

static enum status add_queue(struct worker_options *o, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    struct slice name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    struct worker_queue *queue = &o->queues[o->queue_count];
    queue->name = slice_dup(name);
    o->queue_count++;
    struct queue probe;
    enum status status = queue_init(&probe, o->namespace, queue->name, err);
    queue_fini(&probe);
    if (status == ST_OK && equals)
        status = parse_int(slice_of(equals + 1), 1, 1000, &queue->weight, err);
    for (size_t i = 0; status == ST_OK && i + 1 < o->queue_count; i++)
        if (strcmp(o->queues[i].name, queue->name) == 0)
            return err_set(err, ST_INVALID, "the queue '%s' is named twice", queue->name);
    if (status != ST_OK)
        err_prefix(err, "%s", text);
    return status;
}

static enum status set_queues(struct worker_options *o, const struct options_list *given,
                              struct err *err)
{
    o->queues = mem_array(given->count + 1, sizeof *o->queues);
    for (size_t i = 0; i < given->count; i++) {
        enum status status = add_queue(o, given->items[i], err);
        if (status != ST_OK)
            return status;
    }
    return ST_OK;
}

static enum status set_handlers(struct worker_options *o, const struct options_list *given,
                                struct err *err)
{
    o->registry = registry_new();
    for (size_t i = 0; i < given->count; i++) {
        enum status status = registry_add_option(o->registry, given->items[i], err);
        if (status != ST_OK)
            return status;
    }
    return ST_OK;
}

static enum status allow_dashes(const struct worker_options *o, const struct options_list *types,
                                struct err *err)
{
    enum status status = ST_OK;
    for (size_t i = 0; i < types->count && status == ST_OK; i++)
        status = registry_allow_dash(o->registry, types->items[i], err);
    return status;
}

static enum status check_passed(const struct worker_options *o, const struct options_list *list,
                                struct err *err)
{
    const struct registry_options passed = {list->items, list->count};
    return registry_check_passed(o->registry, &passed, err);
}

static enum status set_limits(struct worker_options *o, const struct options_list *limits,
                              const struct options_list *list, struct err *err)
{
    const struct registry_options given = {limits->items, limits->count};
    const struct registry_options passed = {list->items, list->count};
    return registry_set_limits(o->registry, &given, &passed, o->cgroup_mode == CGROUP_OWN, err);
}

static enum status set_plugins(struct worker_options *o, const struct options_list *given,
                               struct err *err)
{
    const struct registry_how how = {o->is_isolated, o->policy.max_output};
    enum status status = o->own ? registry_add_plugin(o->registry, o->own, &how, err) : ST_OK;
    for (size_t i = 0; i < given->count && status == ST_OK; i++)
        status = registry_add_plugin_option(o->registry, given->items[i], &how, err);
    return status;
}

static enum status set_redis(struct worker_options *o, struct err *err)
{
    enum status status = redis_options_read(&o->given.redis, &o->record, &o->redis, &o->conn, err);
    o->conn.client_name = "darg-worker";
    return status;
}

static enum status read_delivery(struct worker_options *o, const char *text, struct err *err)
{
    o->is_at_most_once = strcmp(text, "at-most-once") == 0;
    if (!o->is_at_most_once && strcmp(text, "at-least-once") != 0)
        return err_set(err, ST_INVALID, "it must be at-least-once or at-most-once, not '%.40s'",
                       text);
    return ST_OK;
}

static enum status read_prefetch(struct worker_options *o, const char *text, struct err *err)
{
    o->prefetch = -1;
    if (strcmp(text, "auto") == 0)
        return ST_OK;
    enum status status = parse_int(slice_of(text), 0, 4000, &o->prefetch, err);
    if (status != ST_OK)
        err_prefix(err, "it must be auto or a number");
    return status;
}

static enum status set_words(struct worker_options *o, struct err *err)
{
    const struct worker_texts *given = &o->given;
    const struct options_record *record = &o->record;
    enum status status =
        options_blame(read_delivery(o, given->delivery, err), record, "delivery", err);
    if (status == ST_OK)
        status = options_blame(read_prefetch(o, given->prefetch, err), record, "prefetch", err);
    if (status == ST_OK)
        status = options_blame(cgroup_mode_read(slice_of(given->cgroup), &o->cgroup_mode, err),
                               record, "cgroup", err);
    if (status == ST_OK)
        status =
            options_blame(retry_parse_backoff(slice_of(given->backoff), &o->policy.backoff, err),
                          record, "backoff", err);
    return status == ST_OK ? log_options_read(&o->log, record, err) : status;
}

/* The handlers, and the limits of their programs. */
static enum status set_registry(struct worker_options *o, struct err *err)
{
    const struct worker_texts *given = &o->given;
    const struct options_record *record = &o->record;
    enum status status =
        options_blame(set_handlers(o, &given->handlers, err), record, "handler", err);
    if (status == ST_OK)
        status = options_blame(set_plugins(o, &given->plugins, err), record, "plugin", err);
    if (status == ST_OK)
        status = options_blame(allow_dashes(o, &given->dashes, err), record, "allow-dash", err);
    if (status == ST_OK)
        status = options_blame(check_passed(o, &given->passed, err), record, "pass-env", err);
    if (status == ST_OK)
        status =
            options_blame(set_limits(o, &given->limits, &given->passed, err), record, "limit", err);
    return status;
}

static enum status set_all(struct worker_options *o, struct err *err)
{
    enum status status = set_words(o, err);
    if (status == ST_OK)
        status = set_redis(o, err);
    if (status == ST_OK)
        status = options_blame(set_queues(o, &o->given.queues, err), &o->record, "queue", err);
    return status == ST_OK ? set_registry(o, err) : status;
}

static char **copy_words(int argc, char *const *argv)
{
    char **words = mem_array((size_t)argc + 1, sizeof *words);
    for (int i = 0; i < argc; i++)
        words[i] = mem_dup(argv[i]);
    return words;
}

/* Wiped first: there may be a password among them. */
static void free_words(char **words)
{
    for (size_t i = 0; words && words[i]; i++) {
        explicit_bzero(words[i], strlen(words[i]));
        free(words[i]);
    }
    free(words);
}

enum status worker_options_read(int argc, char **argv, struct plugin *own, struct worker_options *o,
                                bool *done, struct err *err)
{
    *o = (struct worker_options){
        .own = own, .argc = argc, .argv = copy_words(argc, argv), .ready_fd = -1};
    enum status status = options_table_parse(argc, argv, o, done, err);
    if (status == ST_OK && !*done && !o->is_health_check) {
        status = set_all(o, err);
        secret_wipe_argv(argc, argv, o->given.redis.url);
    }
    return status;
}

enum status worker_options_read_again(const struct worker_options *before,
                                      struct worker_options *fresh, struct err *err)
{
    bool done = false;
    *fresh = (struct worker_options){0};
    if (!before->record.config.path)
        return ST_OK;
    char **argv = copy_words(before->argc, before->argv);
    enum status status = worker_options_read(before->argc, argv, before->own, fresh, &done, err);
    free_words(argv);
    return status;
}

void worker_options_fini(struct worker_options *o)
{
    for (size_t i = 0; i < o->queue_count; i++)
        free(o->queues[i].name);
    free(o->queues);
    if (o->registry)
        registry_free(o->registry);
    redis_url_fini(&o->redis);
    options_table_fini(o);
    options_record_fini(&o->record);
    free_words(o->argv);
    *o = (struct worker_options){0};
}
