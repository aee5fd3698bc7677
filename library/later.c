#include "library/later.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/plural.h"
#include "library/failure.h"
#include "library/guard.h"

enum {
    BATCH_JOBS = 500, /* this many do not wait for more */
    TAKEN_MAX = 8000, /* jobs that the thread takes at a time */
    PAUSE_MIN_MS = 5,
    PAUSE_MAX_MS = 500,
};

struct later {
    struct darg_client *client;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled;        /* signalled for the thread: there are jobs, or an order */
    pthread_cond_t settled;       /* signalled for callers: there is room, or jobs were settled */
    struct pipeline_job *waiting; /* under lock: a ring; each owns its text */
    size_t first, count;          /* under lock */
    uint64_t added, done;         /* under lock: jobs ever added; ever settled */
    size_t flushing;              /* under lock: callers in darg_flush(); then jobs do not linger */
    bool is_ending;               /* under lock */
    /* Under lock: uncertain jobs since the last flush reported them. */
    size_t uncertain;
    /* Under lock: why the last round left jobs, or made some uncertain. */
    struct err trouble;
    struct pusher pusher; /* thread only */
};

/* ---- the thread ---- */

static struct timespec at_ms(int64_t mono_ms)
{
    return (struct timespec){mono_ms / 1000, mono_ms % 1000 * 1000000};
}

/* Waits for pause_ms, or until there is an order to end. Caller holds the lock. */
static void pause_locked(struct later *self, int64_t pause_ms)
{
    struct timespec until = at_ms(clock_mono_ms() + pause_ms);
    int ended = 0;
    while (!self->is_ending && ended == 0)
        ended = pthread_cond_timedwait(&self->filled, &self->lock, &until);
}

/* Waits until there are jobs, then a little longer for a whole batch. Caller holds the lock. */
static void await_locked(struct later *self)
{
    while (!self->is_ending && self->count == 0)
        pthread_cond_wait(&self->filled, &self->lock);
    struct timespec until = at_ms(clock_mono_ms() + self->client->later_linger_ms);
    int ended = 0;
    while (!self->is_ending && self->flushing == 0 && self->count < BATCH_JOBS && ended == 0)
        ended = pthread_cond_timedwait(&self->filled, &self->lock, &until);
}

/* Moves jobs from the ring to the thread's array. Caller holds the lock. */
static size_t take_locked(struct later *self, struct pipeline_job *taken)
{
    size_t max = self->client->later_max_jobs;
    size_t count = self->count < TAKEN_MAX ? self->count : TAKEN_MAX;
    for (size_t i = 0; i < count; i++)
        taken[i] = self->waiting[(self->first + i) % max];
    self->first = (self->first + count) % max;
    self->count -= count;
    return count;
}

/* Counts and drops settled jobs; the rest moves to the front. Returns how many are left. Caller
 * holds the lock. */
static size_t settle_locked(struct later *self, struct pipeline_job *taken, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        struct pipeline_job *job = &taken[i];
        if (job->code == DARG_FULL) {
            taken[left++] = *job;
            continue;
        }
        self->uncertain += job->code == DARG_UNCERTAIN;
        self->done++;
        free(job->owned);
    }
    pthread_cond_broadcast(&self->settled);
    return left;
}

/* Pushes in rounds until all jobs taken are settled, or the client is closed. Returns how many are
 * not settled. Without the lock during a round, so that callers can go on adding. */
static size_t push_taken(struct later *self, struct pipeline_job *taken, size_t count)
{
    int64_t pause_ms = PAUSE_MIN_MS;
    bool is_ending = false;
    while (count > 0 && !is_ending) {
        struct err err = {0};
        enum status status = pipeline_round(&self->pusher, taken, count, &err);
        if (status == ST_OK)
            (void)!err_set(&err, ST_OK, "queue '%s' is full", self->client->queue.name);
        pthread_mutex_lock(&self->lock);
        size_t left = settle_locked(self, taken, count);
        if (left > 0 || status != ST_OK)
            self->trouble = err;
        pause_ms = left < count ? PAUSE_MIN_MS : pause_ms * 2;
        pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
        count = left;
        if (left > 0)
            pause_locked(self, pause_ms);
        is_ending = self->is_ending;
        pthread_mutex_unlock(&self->lock);
    }
    return count;
}

static void *push_thread(void *context)
{
    struct later *self = context;
    struct pipeline_job *taken = mem_array(TAKEN_MAX, sizeof *taken);
    bool is_ending = false;
    while (!is_ending) {
        pthread_mutex_lock(&self->lock);
        await_locked(self);
        is_ending = self->is_ending;
        size_t count = is_ending ? 0 : take_locked(self, taken);
        pthread_mutex_unlock(&self->lock);
        size_t left = push_taken(self, taken, count);
        for (size_t i = 0; i < left; i++)
            free(taken[i].owned);
    }
    free(taken);
    return NULL;
}

/* ---- start and end ---- */

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void free_later(struct later *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->waiting[(self->first + i) % self->client->later_max_jobs].owned);
    free(self->waiting);
    pipeline_fini(&self->pusher);
    pthread_cond_destroy(&self->filled);
    pthread_cond_destroy(&self->settled);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

struct later *later_start(struct darg_client *client, struct err *err)
{
    sigset_t all, before;
    struct later *self = mem_new(sizeof *self);
    self->client = client;
    self->waiting = mem_array(client->later_max_jobs, sizeof *self->waiting);
    pipeline_init(&self->pusher, &client->conn, &client->queue);
    pthread_mutex_init(&self->lock, NULL);
    init_cond(&self->filled);
    init_cond(&self->settled);
    /* The thread blocks all signals: they are the program's business. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&self->thread, NULL, push_thread, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        return self;
    (void)!err_system(err, failed, "cannot start a thread for darg_push_later()");
    free_later(self);
    return NULL;
}

size_t later_stop(struct later *self)
{
    if (self == NULL)
        return 0;
    pthread_mutex_lock(&self->lock);
    self->is_ending = true;
    pthread_cond_broadcast(&self->filled);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    size_t dropped = (size_t)(self->added - self->done);
    free_later(self);
    return dropped;
}

/* ---- callers ---- */

static void add(struct later *self, struct pipeline_job job)
{
    size_t max = self->client->later_max_jobs;
    pthread_mutex_lock(&self->lock);
    while (self->added - self->done >= max)
        pthread_cond_wait(&self->settled, &self->lock);
    self->waiting[(self->first + self->count) % max] = job;
    self->count++;
    self->added++;
    if (self->count == 1 || self->count == BATCH_JOBS)
        pthread_cond_signal(&self->filled);
    pthread_mutex_unlock(&self->lock);
}

/* The thread is started at the first job: most clients never need it. */
static struct later *get(struct darg_client *client, bool is_wanted, struct err *err)
{
    pthread_mutex_lock(&client->lock);
    if (client->later == NULL && is_wanted)
        client->later = later_start(client, err);
    struct later *later = client->later;
    pthread_mutex_unlock(&client->lock);
    return later;
}

enum darg_code darg_push_later(struct darg_client *client, const char *type, const char *args,
                               const struct darg_push_options *options, char id[DARG_ID_SIZE])
{
    GUARD;
    const struct compose_spec spec = {.type = type, .args = args, .options = options};
    struct buf text = {0};
    struct compose_made made;
    struct err err = {0};
    enum darg_code code = client_check(client);
    if (code == DARG_OK)
        code = client_make(client, &spec, &text, &made, id);
    struct later *later = code == DARG_OK ? get(client, true, &err) : NULL;
    if (code == DARG_OK && later == NULL)
        code = failure_of(&err);
    if (later == NULL) {
        buf_fini(&text);
        return code;
    }
    struct pipeline_job job = {
        .text = buf_slice(&text), .delay_ms = made.delay_ms, .code = DARG_FULL};
    job.owned = buf_take(&text);
    add(later, job);
    return DARG_OK;
}

static enum darg_code tell_locked(struct later *self, uint64_t until)
{
    const char *why = err_text(&self->trouble);
    enum darg_code code = DARG_OK;
    if (self->done < until)
        code = failure_set(DARG_TIMED_OUT, "%llu %s still to be pushed: %s",
                           (unsigned long long)(until - self->done),
                           plural_of((int64_t)(until - self->done), "job is", "jobs are"),
                           self->trouble.text[0] ? why : "it takes longer");
    else if (self->uncertain > 0)
        code =
            failure_set(DARG_UNCERTAIN, "%zu %s may have been pushed or not: %s", self->uncertain,
                        plural_of((int64_t)self->uncertain, "job", "jobs"), why);
    if (self->done >= until)
        self->uncertain = 0;
    return code;
}

enum darg_code darg_flush(struct darg_client *client, int64_t timeout_ms)
{
    GUARD;
    enum darg_code code = client_check(client);
    struct later *self = code == DARG_OK ? get(client, false, NULL) : NULL;
    if (self == NULL)
        return code;
    bool is_forever = timeout_ms < 0;
    struct timespec until = at_ms(clock_mono_ms() + (is_forever ? 0 : timeout_ms));
    pthread_mutex_lock(&self->lock);
    uint64_t wanted = self->added;
    int ended = 0;
    self->flushing++;
    pthread_cond_signal(&self->filled);
    while (self->done < wanted && ended == 0)
        ended = is_forever ? pthread_cond_wait(&self->settled, &self->lock)
                           : pthread_cond_timedwait(&self->settled, &self->lock, &until);
    self->flushing--;
    code = tell_locked(self, wanted);
    pthread_mutex_unlock(&self->lock);
    return code;
}
