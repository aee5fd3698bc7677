#include "worker/keeper/keeper_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/presence.h"

enum {
    TICK_MS = 750,      /* at most; a short lease also needs three renewals */
    CALL_MAX_MS = 2500, /* longest wait for a reply */
    PUBLISH_MS = 10 * 1000,
    PUBLISH_BUSY_MS = 1500, /* sooner, if the number of busy threads has changed */
    PUBLISH_TTL_MS = 35 * 1000,
    ORDER_KEYS = 2,
    MAX_REPLY_BYTES = 16 << 20, /* no reply comes near this */
};

void keeper_note_failure(struct keeper *self, const char *what, const struct err *err)
{
    outage_meet(&self->outage, self->conn, what, NULL, err);
    self->has_failed = true;
}

/* --- leases -------------------------------------------------------------------------------- */

/* The first renewal of a tick also reads the shutdown keys that belong to no queue, which saves a
 * call. Not in a cluster: they are in other slots. */
static enum status ask(struct keeper *self, struct ward *ward, const struct session *session,
                       struct err *err)
{
    const struct lease_ask ask = {
        .window_start = ward->window_start,
        .order_keys = (const char *const *)self->order_keys,
        .order_key_count = self->is_cluster || self->has_orders ? 0 : ORDER_KEYS,
    };
    enum status status = lease_renew(self->conn, &session->lease, &ask, ward->state, err);
    if (status == ST_OK && ask.order_key_count > 0) {
        _Static_assert(sizeof self->orders.of_all == sizeof ward->state->orders[1], "as long");
        memcpy(self->orders.of_all, ward->state->orders[1], sizeof self->orders.of_all);
        memcpy(self->orders.of_process, ward->state->orders[2], sizeof self->orders.of_process);
        self->has_orders = true;
    }
    return status;
}

/* Renewing comes first, and separately: all leases are renewed before anything else is done for one
 * of the queues, since anything else may take long. */
static void renew(struct keeper *self, struct ward *ward, struct session *session)
{
    struct err err = {0};
    int64_t sent_ms = clock_mono_ms();
    ward->is_renewed = false;
    enum status status = ask(self, ward, session, &err);
    if (status == ST_CLUSTER && !self->is_cluster) {
        self->is_cluster = true;
        status = ask(self, ward, session, &err);
    }
    if (status != ST_OK) {
        keeper_note_failure(self, "cannot renew the lease", &err);
        return;
    }
    if (!ward->state->is_registered) {
        (void)session_lose(session);
        return;
    }
    ward->is_renewed = true;
    keeper_watch_clock(self, ward->state->now_ms, sent_ms);
    atomic_store(&session->renewed_ms, sent_ms);
    session_set_server_time(session, ward->state->now_ms);
}

/* Does what the renewal's reply calls for. */
static void look_after(struct keeper *self, struct ward *ward, struct session *session)
{
    if (!ward->is_renewed)
        return;
    keeper_note_due(ward, ward->state->next_due_ms, ward->state->now_ms);
    keeper_stop_cancelled(self, ward, session);
    keeper_tell_running(self, ward, session);
    keeper_empty_inbox(self, ward, session->lease.queue);
    if (ward->state->suspect_count > 0)
        fetcher_tell_suspects(ward->fetcher);
    keeper_watch_peers(self, ward, &session->lease);
    keeper_compare_protocols(self, ward);
    keeper_tend(self, ward, session->lease.queue);
}

/* --- shutdown keys ------------------------------------------------------------------------- */

static enum order read_order(struct keeper *self, const char *word)
{
    bool is_known = true;
    enum order order = orders_parse(slice_of(word), &is_known);
    if (!is_known && strcmp(self->refused_order, word) != 0) {
        log_fields(LOG_WARN, "a shutdown key holds neither stop, drain nor quiet: ignored",
                   LOG_STR("value", word));
        snprintf(self->refused_order, sizeof self->refused_order, "%s", word);
    }
    return order;
}

static void obey(struct keeper *self)
{
    struct err err = {0};
    if (!self->has_orders && orders_read(self->conn, self->options.namespace, self->options.process,
                                         &self->orders, &err) != ST_OK) {
        keeper_note_failure(self, "cannot read the shutdown keys", &err);
        return;
    }
    enum order all = read_order(self, self->orders.of_all);
    enum order process = read_order(self, self->orders.of_process);
    enum order given = all > process ? all : process;
    for (size_t i = 0; i < self->options.fetcher_count; i++) {
        struct ward *ward = &self->wards[i];
        enum order queue = read_order(self, ward->state->orders[0]);
        enum order order = queue > given ? queue : given;
        if (order != ORDER_NONE && fetcher_current_order(ward->fetcher) < order)
            log_fields(LOG_INFO, "a shutdown key is set",
                       LOG_STR("queue", fetcher_queue(ward->fetcher)->name),
                       LOG_STR("order", orders_name(order)));
        fetcher_order(ward->fetcher, VOICE_KEYS, order);
    }
}

/* --- the registration's description -------------------------------------------------------- */

/* The number of busy threads as published; "" if it is not among the words. */
static const char *find_busy(const char *const *words, size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2)
        if (strcmp(words[i], "busy") == 0)
            return words[i + 1];
    return "";
}

/* True if it is time to publish again: every so often, and soon after the number of busy threads
 * has changed, since that is what people look at. */
static bool is_news(const struct keeper *self, const char *busy)
{
    return self->published_ms == 0 || clock_mono_ms() - self->published_ms >= PUBLISH_MS ||
           strcmp(busy, self->published_busy) != 0;
}

static void publish_words(struct keeper *self, const char *const *words, size_t count)
{
    struct err err = {0};
    /* For information only: a Redis user without the right to write it can still work. */
    if (presence_publish(self->conn, self->options.namespace, self->options.process, words, count,
                         PUBLISH_TTL_MS, &err) != ST_OK)
        log_printf(LOG_DEBUG, "cannot publish this worker's status: %s", err_text(&err));
    snprintf(self->published_busy, sizeof self->published_busy, "%s", find_busy(words, count));
    self->published_ms = clock_mono_ms();
}

static void publish(struct keeper *self)
{
    enum { PAIRS_MAX = 64 };
    if (self->published_ms != 0 && clock_mono_ms() - self->published_ms < PUBLISH_BUSY_MS)
        return;
    struct buf pairs = {0};
    self->options.describe(self->options.describe_context, &pairs);
    const char *words[PAIRS_MAX];
    size_t count = 0;
    for (size_t at = 0; at < pairs.len && count < PAIRS_MAX; at += strlen(pairs.ptr + at) + 1)
        words[count++] = pairs.ptr + at;
    if (is_news(self, find_busy(words, count)))
        publish_words(self, words, count);
    buf_fini(&pairs);
}

/* Once per worker: with any other policy a full Redis evicts keys, and jobs with them. */
static void warn_of_eviction(struct keeper *self)
{
    char policy[32];
    if (self->has_seen_policy)
        return;
    conn_info(self->conn, "memory", "maxmemory_policy", policy, sizeof policy);
    if (policy[0] && strcmp(policy, "noeviction") != 0)
        log_fields(LOG_WARN,
                   "Redis may evict jobs when it is full: set its maxmemory-policy to noeviction",
                   LOG_STR("maxmemory-policy", policy));
    self->has_seen_policy = conn_is_connected(self->conn);
}

/* --- the thread ---------------------------------------------------------------------------- */

static void each_session(struct keeper *self,
                         void (*act)(struct keeper *, struct ward *, struct session *))
{
    for (size_t i = 0; i < self->options.fetcher_count; i++) {
        struct session *session = fetcher_session(self->wards[i].fetcher);
        if (session)
            act(self, &self->wards[i], session);
        session_release(session);
    }
}

static void tick(struct keeper *self)
{
    /* The outage ends only after a tick without any failure: one queue may fail for hours while the
     * others do well, and the log would report beginning and end at each tick. */
    if (!self->has_failed)
        outage_end(&self->outage, "the keeper works again", NULL);
    self->has_failed = false;
    self->reaps_left = KEEPER_REAP_STEPS;
    self->has_orders = false;
    each_session(self, renew);
    keeper_reap_dead(self);
    obey(self);
    each_session(self, look_after);
    for (size_t i = 0; i < self->options.fetcher_count; i++)
        keeper_list_queue(self, &self->wards[i]);
    keeper_look_after_names(self);
    publish(self);
    warn_of_eviction(self);
}

/* Promotes what is due now, and returns how long until more may be due. */
static int64_t promote_due(struct keeper *self, int64_t tick_at_ms)
{
    int64_t next_ms = tick_at_ms;
    for (size_t i = 0; i < self->options.fetcher_count; i++) {
        struct ward *ward = &self->wards[i];
        struct session *session = fetcher_session(ward->fetcher);
        if (session)
            keeper_promote(self, ward, session);
        if (session && ward->due_ms < next_ms)
            next_ms = ward->due_ms;
        session_release(session);
    }
    int64_t pause_ms = next_ms - clock_mono_ms();
    return pause_ms > 0 ? pause_ms : 0;
}

/* Pause before the next attempt to connect: never so long that a short lease expires meanwhile. */
static int64_t reconnect_pause_ms(struct keeper *self, int64_t tick_ms)
{
    int64_t pause_ms = conn_backoff_ms(self->conn);
    return pause_ms < tick_ms ? pause_ms : tick_ms;
}

/* A process that starts, finds its queue drained and stops may do so before its first tick. Without
 * this, the dead process that it replaced would stay registered until the lease expires. */
static void reap_at_the_end(struct keeper *self)
{
    struct err ignored = {0};
    bool is_owed = false;
    for (size_t i = 0; i < self->options.dead_count; i++)
        is_owed = is_owed || !self->is_dead_reaped[i];
    if (!is_owed || conn_connect(self->conn, &ignored) != ST_OK)
        return;
    self->reaps_left = KEEPER_REAP_STEPS;
    keeper_reap_dead(self);
}

static void *keeper_main(void *argument)
{
    struct keeper *self = argument;
    pthread_setname_np(pthread_self(), "keeper");
    int64_t tick_ms = self->options.lease_ms / 3 < TICK_MS ? self->options.lease_ms / 3 : TICK_MS;
    int64_t tick_at_ms = clock_mono_ms();
    uint64_t link = 0;
    int64_t pause_ms = 0;
    while (!wake_wait(&self->stop, pause_ms)) {
        struct err err = {0};
        if (conn_connect(self->conn, &err) != ST_OK) {
            keeper_note_failure(self, "the keeper cannot reach Redis; it keeps trying", &err);
            pause_ms = reconnect_pause_ms(self, tick_ms);
            /* The backoff can be 0, and this must not become a busy loop. */
            pause_ms = pause_ms > 10 ? pause_ms : 10;
            continue;
        }
        /* At once after a reconnect: the lease may be about to expire. */
        if (clock_mono_ms() >= tick_at_ms || conn_generation(self->conn) != link) {
            link = conn_generation(self->conn);
            tick_at_ms = clock_mono_ms() + tick_ms;
            tick(self);
        }
        pause_ms = promote_due(self, tick_at_ms);
        /* If the link has just broken, reconnect without waiting for the tick: renewals and due
         * jobs depend on it. */
        if (!conn_is_connected(self->conn))
            pause_ms = reconnect_pause_ms(self, tick_ms);
    }
    reap_at_the_end(self);
    return NULL;
}

static char *order_key(const char *namespace, const char *process)
{
    struct buf key = {0};
    queue_shutdown_key(namespace, process, &key);
    return buf_take(&key);
}

static void keeper_free(struct keeper *self)
{
    for (size_t i = 0; i < self->options.fetcher_count; i++) {
        watch_free(self->wards[i].watch);
        free(self->wards[i].state);
        buf_fini(&self->wards[i].told);
    }
    conn_close(self->conn);
    wake_fini(&self->stop);
    free(self->is_dead_reaped);
    for (size_t i = 0; i < ORDER_KEYS; i++)
        free(self->order_keys[i]);
    free(self);
}

enum status keeper_start(const struct keeper_options *options, struct keeper **out, struct err *err)
{
    struct keeper *self = mem_new(sizeof *self + options->fetcher_count * sizeof self->wards[0]);
    self->options = *options;
    self->order_keys[0] = order_key(options->namespace, NULL);
    self->order_keys[1] = order_key(options->namespace, options->process);
    self->is_dead_reaped = mem_array(options->dead_count + 1, sizeof(bool));
    for (size_t i = 0; i < options->fetcher_count; i++)
        self->wards[i] = (struct ward){.fetcher = options->fetchers[i],
                                       .watch = watch_new(options->lease_ms),
                                       .state = mem_new(sizeof(struct lease_state)),
                                       .due_ms = QUEUE_NEVER};
    /* A dead link must be noticed well within the lease. */
    struct conn_options conn = *options->conn;
    conn.max_reply_bytes = MAX_REPLY_BYTES;
    conn.connect_timeout_ms = conn.command_timeout_ms =
        options->lease_ms / 4 < CALL_MAX_MS ? options->lease_ms / 4 : CALL_MAX_MS;
    self->conn = conn_open(&conn);
    enum status status = wake_init(&self->stop, err);
    int failed = status == ST_OK ? pthread_create(&self->thread, NULL, keeper_main, self) : 0;
    if (failed)
        status = err_system(err, failed, "cannot start the keeper's thread");
    if (status != ST_OK) {
        keeper_free(self);
        return status;
    }
    *out = self;
    return ST_OK;
}

void keeper_stop(struct keeper *self, int64_t deadline_ms)
{
    if (!self)
        return;
    conn_limit(self->conn, deadline_ms);
    wake_set(&self->stop);
    pthread_join(self->thread, NULL);
    struct err err = {0};
    if (conn_is_connected(self->conn) && presence_unpublish(self->conn, self->options.namespace,
                                                            self->options.process, &err) != ST_OK)
        log_printf(LOG_DEBUG, "cannot remove this worker's status: %s", err_text(&err));
    keeper_free(self);
}
