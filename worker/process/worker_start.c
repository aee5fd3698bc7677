/* Builds a worker: rings, room, threads, in the order in which they depend on each other. */
#include "worker/process/worker_state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/claim.h"

enum { CLAIM_MAX_BYTES = 1 << 20 };

static void append_pair(struct buf *pairs, const char *field, const char *value)
{
    buf_append(pairs, field, strlen(field) + 1);
    buf_append(pairs, value, strlen(value) + 1);
}

static void append_count(struct buf *pairs, const char *field, int64_t value)
{
    struct buf text = {0};
    buf_append_int(&text, value);
    append_pair(pairs, field, buf_text(&text));
    buf_fini(&text);
}

/* What the registration says about this process. Called by the keeper's thread. */
static void describe(void *context, struct buf *pairs)
{
    const struct worker *self = context;
    const struct worker_options *options = self->options;
    struct buf list = {0};
    char host[65] = "";
    (void)gethostname(host, sizeof host - 1);
    append_pair(pairs, "host", host);
    append_count(pairs, "pid", getpid());
    for (size_t i = 0; i < options->queue_count; i++)
        buf_printf(&list, "%s%s", i ? "," : "", options->queues[i].name);
    append_pair(pairs, "queues", buf_text(&list));
    buf_clear(&list);
    registry_append_types(options->registry, &list);
    append_pair(pairs, "types", buf_text(&list));
    buf_fini(&list);
    append_count(pairs, "threads", options->threads);
    append_count(pairs, "busy", options->threads - (int64_t)load_idle_count(self->load));
    append_count(pairs, "uptime_ms", clock_mono_ms() - self->birth->started_ms);
    append_pair(pairs, "delivery", options->is_at_most_once ? "at-most-once" : "at-least-once");
    append_pair(pairs, "version", DARG_VERSION);
    append_count(pairs, "protocol", LEASE_PROTOCOL);
}

static int64_t *copy_weights(const struct tuning *tuning)
{
    int64_t *weights = mem_array(tuning->queue_count, sizeof *weights);
    for (size_t i = 0; i < tuning->queue_count; i++)
        weights[i] = tuning->weights[i];
    return weights;
}

void worker_tune(struct worker *self)
{
    const struct tuning *tuning = self->birth->tuning;
    int64_t *weights = copy_weights(tuning);
    log_set_level((enum log_level)tuning->log_level);
    room_set(self->room, weights, tuning->prefetch);
    free(weights);
}

static enum status prepare(struct worker *self, struct err *err)
{
    const struct worker_options *options = self->options;
    size_t threads = (size_t)options->threads;
    /* Each fetcher may have a full claim open when the limit is reached. */
    size_t capacity = ROOM_OUTSTANDING_MAX + CLAIM_MAX * options->queue_count;
    self->load = self->birth->load;
    enum status status = running_new(self->load, &self->running, err);
    if (status != ST_OK)
        return status;
    int64_t *weights = copy_weights(self->birth->tuning);
    pthread_mutex_init(&self->quarantine, NULL);
    shortage_init(&self->shortage, threads);
    self->tasks = ring_new(capacity);
    self->endings = ring_new(capacity + threads);
    self->room = room_new(self->load, self->tasks, weights, options->queue_count,
                          self->birth->tuning->prefetch);
    free(weights);
    self->runner = (struct runner){
        .registry = options->registry,
        .load = self->load,
        .running = self->running,
        .policy = &options->policy,
        .is_at_most_once = options->is_at_most_once,
        .quarantine = &self->quarantine,
        .shortage = &self->shortage,
    };
    return ST_OK;
}

/* True if a dead process may have died from reading a claim from the queue of this rank. */
static bool must_be_careful(const struct worker_birth *birth, size_t queue)
{
    for (size_t i = 0; i < birth->dead_count; i++)
        if (load_claim(birth->dead[i].load, queue).is_being_read)
            return true;
    return false;
}

static enum status start_fetchers(struct worker *self, struct err *err)
{
    const struct worker_options *options = self->options;
    self->fetchers = mem_array(options->queue_count, sizeof *self->fetchers);
    atomic_store(&self->undrained, options->queue_count);
    for (size_t i = 0; i < options->queue_count; i++) {
        struct fetcher_options fetcher = {
            .slot = i,
            .process = self->birth->process,
            .conn = &options->conn,
            .tasks = self->tasks,
            .room = self->room,
            .pulse = self->birth->pulse,
            .changed = &self->changed,
            .undrained = &self->undrained,
            .orders = &self->orders,
            .started_ms = self->birth->started_ms,
            .load = self->load,
            .max_bytes = CLAIM_MAX_BYTES,
            .policy = &options->policy,
            .is_careful = must_be_careful(self->birth, i),
            .is_at_most_once = options->is_at_most_once,
            .is_burst = options->is_burst,
            .ignores_sentinel = options->ignores_sentinel,
        };
        enum status status =
            queue_init(&fetcher.queue, options->namespace, options->queues[i].name, err);
        if (status == ST_OK)
            status = fetcher_start(&fetcher, &self->fetchers[i], err);
        if (status != ST_OK) {
            queue_fini(&fetcher.queue);
            return status;
        }
        self->fetcher_count++;
    }
    return ST_OK;
}

static enum status start_finisher(struct worker *self, struct err *err)
{
    struct finisher_options options = {.conn = &self->options->conn,
                                       .tasks = self->tasks,
                                       .endings = self->endings,
                                       .room = self->room};
    return finisher_start(&options, &self->finisher, err);
}

static enum status start_pool(struct worker *self, struct err *err)
{
    const struct worker_options *options = self->options;
    if (options->is_at_most_once) {
        struct popper_options popper = {
            .conn = &options->conn,
            .thread_count = (size_t)options->threads,
            .fetchers = self->fetchers,
            .fetcher_count = self->fetcher_count,
            .process = self->birth->process,
            .runner = &self->runner,
            .load = self->load,
            .endings = self->endings,
        };
        return popper_start(&popper, &self->popper, err);
    }
    struct pool_options pool = {
        .thread_count = (size_t)options->threads,
        .lease_ms = options->lease_ms,
        .runner = &self->runner,
        .tasks = self->tasks,
        .endings = self->endings,
        .room = self->room,
        .load = self->load,
    };
    return pool_start(&pool, &self->pool, err);
}

static enum status start_keeper(struct worker *self, struct err *err)
{
    struct keeper_options options = {
        .conn = &self->options->conn,
        .namespace = self->options->namespace,
        .process = self->birth->process,
        .fetchers = self->fetchers,
        .fetcher_count = self->fetcher_count,
        .running = self->running,
        .lease_ms = self->options->lease_ms,
        .dead = self->birth->dead,
        .dead_count = self->birth->dead_count,
        .reaped_fd = self->birth->report_fd,
        .describe = describe,
        .describe_context = self,
    };
    return keeper_start(&options, &self->keeper, err);
}

/* Before any thread is started: signals are blocked in all of them, and this thread reads them from
 * a descriptor. */
static enum status take_signals(struct worker *self, struct err *err)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGTSTP, SIGCONT, SIGTTIN, SIGHUP};
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        sigaddset(&signals, taken[i]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->signal_fd < 0 ? err_system(err, errno, "cannot read signals") : ST_OK;
}

enum status worker_start(struct worker *self, struct err *err)
{
    enum status status = wake_init(&self->changed, err);
    if (status == ST_OK)
        status = take_signals(self, err);
    if (status == ST_OK)
        status = prepare(self, err);
    if (status != ST_OK)
        return status;
    self->groups = cgroups_new(self->birth->place);
    struct home home = {.groups = self->groups, .roster = self->birth->roster};
    status = registry_begin(self->options->registry, &home, err);
    if (status != ST_OK)
        return status;
    /* Consumers before producers: nothing is claimed that cannot be run and settled. */
    status = start_finisher(self, err);
    if (status == ST_OK && !self->options->is_at_most_once)
        status = start_pool(self, err);
    if (status == ST_OK)
        status = start_fetchers(self, err);
    if (status == ST_OK && self->options->is_at_most_once)
        status = start_pool(self, err);
    return status == ST_OK ? start_keeper(self, err) : status;
}

void worker_free(struct worker *self)
{
    for (size_t i = 0; i < self->fetcher_count; i++)
        fetcher_free(self->fetchers[i]);
    free(self->fetchers);
    pool_free(self->pool);
    popper_free(self->popper);
    cgroups_free(self->groups);
    running_free(self->running);
    shortage_fini(&self->shortage);
    room_free(self->room);
    ring_free(self->tasks);
    ring_free(self->endings);
    wake_fini(&self->changed);
    close(self->signal_fd);
}
