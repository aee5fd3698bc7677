#include "worker/handler/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "worker/handler/plugin_job.h"
#include "worker/shared/wake.h"

struct plugin {
    size_t holders;
    void *library; /* NULL: the program's own handlers */
    char *file, *config;
    struct darg_plugin_info face;
    void *state; /* what init returned; passed to its handlers */
    bool has_begun;
};

/* One of the plugin's handlers; the state of a struct handler. */
struct entry {
    struct plugin *plugin;
    const struct darg_handler *handler;
};

/* ---- loading ---- */

static enum status check(const char *file, const struct darg_plugin_info *face, struct err *err)
{
    if (face == NULL)
        return err_set(err, ST_INVALID, "plugin \"%s\": darg_plugin() returned NULL", file);
    if (face->abi != DARG_ABI_VERSION)
        return err_set(err, ST_INVALID,
                       "plugin \"%s\" was built for version %u of darg.h, and this program has "
                       "version %d: build it again with this program's darg.h",
                       file, face->abi, DARG_ABI_VERSION);
    for (size_t i = 0; i < face->count; i++)
        if (face->handlers[i].type == NULL || face->handlers[i].run == NULL)
            return err_set(err, ST_INVALID, "plugin \"%s\": handler %zu has no type or no run",
                           file, i);
    return face->count > 0 ? ST_OK
                           : err_set(err, ST_INVALID, "plugin \"%s\" has no handlers", file);
}

static enum status load(struct plugin *plugin, struct err *err)
{
    const struct darg_plugin_info *(*get)(void);
    /* RTLD_NOW: a missing symbol is reported here, at the start, and does not end the process in
     * the middle of a job. RTLD_LOCAL: plugins do not see each other's symbols. */
    plugin->library = dlopen(plugin->file, RTLD_NOW | RTLD_LOCAL);
    if (plugin->library == NULL)
        return err_set(err, ST_INVALID, "cannot load plugin: %s", dlerror());
    void *symbol = dlsym(plugin->library, "darg_plugin");
    if (symbol == NULL)
        return err_set(err, ST_INVALID, "\"%s\" is not a plugin: it does not define darg_plugin()",
                       plugin->file);
    memcpy(&get, &symbol, sizeof get); /* C has no cast from object to function pointers */
    const struct darg_plugin_info *face = get();
    enum status status = check(plugin->file, face, err);
    if (status == ST_OK)
        plugin->face = *face;
    return status;
}

enum status plugin_open(const char *option, struct plugin **opened, struct err *err)
{
    const char *equals = strchr(option, '=');
    struct slice name = {option, equals ? (size_t)(equals - option) : strlen(option)};
    struct plugin *plugin = mem_new(sizeof *plugin);
    char *file = slice_dup(name);
    plugin->holders = 1;
    plugin->config = equals ? mem_dup(equals + 1) : NULL;
    /* Absolute: dlopen() looks for a name without a slash in the system's library paths. */
    plugin->file = realpath(file, NULL);
    enum status status = ST_INVALID;
    if (plugin->file == NULL)
        (void)err_set(err, ST_INVALID, "cannot load plugin \"%s\": %s", file, strerror(errno));
    else
        status = load(plugin, err);
    free(file);
    if (status != ST_OK) {
        plugin_release(plugin);
        plugin = NULL;
    }
    *opened = plugin;
    return status;
}

struct plugin *plugin_wrap(const struct darg_handler *handlers, size_t count, void *state)
{
    struct plugin *plugin = mem_new(sizeof *plugin);
    plugin->holders = 1;
    plugin->face = (struct darg_plugin_info){.handlers = handlers, .count = count};
    plugin->state = state;
    return plugin;
}

void plugin_release(struct plugin *plugin)
{
    if (plugin == NULL || --plugin->holders > 0)
        return;
    if (plugin->library != NULL)
        dlclose(plugin->library);
    free(plugin->file);
    free(plugin->config);
    free(plugin);
}

const struct darg_handler *plugin_handlers(const struct plugin *plugin, size_t *count)
{
    *count = plugin->face.count;
    return plugin->face.handlers;
}

const char *plugin_file(const struct plugin *plugin)
{
    return plugin->file;
}

const char *plugin_config(const struct plugin *plugin)
{
    return plugin->config;
}

/* ---- beginning and end ---- */

enum status plugin_begin(struct plugin *plugin, struct err *err)
{
    char why[256] = "";
    if (plugin->has_begun)
        return ST_OK;
    plugin->has_begun = true;
    if (plugin->face.init == NULL ||
        plugin->face.init(&plugin->state, plugin->config, why, sizeof why) == 0)
        return ST_OK;
    plugin->has_begun = false;
    /* The plugin may have filled it without a NUL. */
    why[sizeof why - 1] = '\0';
    return err_set(err, ST_SYSTEM, "plugin \"%s\" cannot start: %s", plugin->file,
                   why[0] ? why : "it gave no reason");
}

void plugin_end(struct plugin *plugin)
{
    if (plugin->has_begun && plugin->face.fini != NULL)
        plugin->face.fini(plugin->state);
    plugin->has_begun = false;
}

static enum status begin_entry(void *state, const struct home *home, struct err *err)
{
    (void)home;
    const struct entry *entry = state;
    return plugin_begin(entry->plugin, err);
}

static void end_entry(void *state)
{
    const struct entry *entry = state;
    plugin_end(entry->plugin);
}

static void free_entry(void *state)
{
    struct entry *entry = state;
    plugin_release(entry->plugin);
    free(entry);
}

/* ---- a job ---- */

/* A thread that calls `cancel` of a handler that has one, while the job runs. */
struct watcher {
    const struct entry *entry;
    struct darg_job *job;
    int stop_fd;
    struct wake returned; /* set when run() has returned */
    pthread_t thread;
};

static void *watch_job(void *context)
{
    const struct watcher *watcher = context;
    struct pollfd fds[] = {{.fd = watcher->returned.fd, .events = POLLIN},
                           {.fd = watcher->stop_fd, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    if (fds[1].revents != 0 && fds[0].revents == 0)
        watcher->entry->handler->cancel(watcher->entry->plugin->state, watcher->job);
    return NULL;
}

/* A thread for each such job, so that a `cancel` that blocks holds up nobody else. False with a
 * sentence: the watching thread could not be started, so the job was not run. */
static bool run_watched(const struct entry *entry, struct darg_job *job, int *answer,
                        struct err *err)
{
    struct watcher watcher = {.entry = entry, .job = job, .stop_fd = darg_job_stop_fd(job)};
    int failed = watcher.stop_fd < 0 ? errno : 0;
    enum status status = wake_init(&watcher.returned, err);
    if (failed == 0 && status == ST_OK)
        failed = pthread_create(&watcher.thread, NULL, watch_job, &watcher);
    if (failed != 0)
        status = err_system(err, failed, "cannot watch over the job");
    if (status == ST_OK) {
        *answer = entry->handler->run(entry->plugin->state, job);
        wake_set(&watcher.returned);
        pthread_join(watcher.thread, NULL);
    }
    wake_fini(&watcher.returned);
    return status == ST_OK;
}

static void run_entry(void *state, const struct handler_call *call, struct handler_result *result)
{
    const struct entry *entry = state;
    struct darg_job job;
    struct err err = {0};
    int answer = DARG_RETRY;
    bool has_begun = true;
    plugin_job_begin(&job, call, result);
    if (entry->handler->cancel != NULL)
        has_begun = run_watched(entry, &job, &answer, &err);
    else
        answer = entry->handler->run(entry->plugin->state, &job);
    if (has_begun) {
        plugin_job_conclude(&job, answer);
    } else {
        buf_append_text(&result->error, err_text(&err));
        result->outcome = HANDLER_UNABLE;
    }
    plugin_job_end(&job);
}

struct handler plugin_handler(struct plugin *plugin, size_t index)
{
    struct entry *entry = mem_new(sizeof *entry);
    *entry = (struct entry){.plugin = plugin, .handler = &plugin->face.handlers[index]};
    plugin->holders++;
    return (struct handler){.run = run_entry,
                            .state = entry,
                            .begin = begin_entry,
                            .end = end_entry,
                            .free_state = free_entry};
}
