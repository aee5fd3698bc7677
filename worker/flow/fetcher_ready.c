/* What the fetcher needs before each step: a connection, a session, a registration, and now and
 * then an audit of what Redis says it holds.
 *
 * Nothing here loops until it succeeds: a step that fails rests for a moment and reports that, and
 * the fetcher's loop begins again. So an order, another outage or the end is noticed between any
 * two attempts, and the struct is the only state to come back to. */
#include "worker/flow/fetcher_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "redis/server.h"

enum { AUDIT_MS = 30 * 1000 };

void fetcher_rest(struct fetcher *self, int64_t timeout_ms)
{
    (void)wake_wait(&self->wake, timeout_ms);
    wake_clear(&self->wake);
}

void fetcher_await_retry(struct fetcher *self, const char *what, const struct err *err)
{
    /* A script's own error would not tell anybody that the server is too old for it. */
    struct err missing = {0};
    if (err->status == ST_SERVER && server_check(self->conn, &missing) != ST_OK)
        err = &missing;
    outage_meet(&self->outage, self->conn, what, self->options.queue.name, err);
    pulse_outage(self->options.pulse, self->options.slot, self->outage.since_ms, err->status);
    int64_t pause_ms = !conn_is_connected(self->conn)     ? conn_backoff_ms(self->conn)
                       : status_is_transient(err->status) ? FETCHER_PAUSE_MS / 5
                                                          : FETCHER_PAUSE_MS;
    fetcher_rest(self, pause_ms);
}

void fetcher_note_success(struct fetcher *self)
{
    if (self->outage.since_ms == 0)
        return;
    outage_end(&self->outage, "Redis answers again", self->options.queue.name);
    pulse_outage(self->options.pulse, self->options.slot, 0, ST_OK);
}

void fetcher_withdraw(struct fetcher *self)
{
    fetcher_publish(self, NULL);
}

/* There may be an open claim if the lease is lost: its jobs are then the reaper's, so the reply is
 * not waited for. */
void fetcher_drop_session(struct fetcher *self)
{
    fetcher_publish(self, NULL);
    if (self->is_claim_open) {
        room_settle_grant(self->options.room, self->options.slot, self->granted, 0);
        self->is_claim_open = self->must_release = false;
        conn_discard(self->conn);
    }
    session_release(self->session);
    self->session = NULL;
    self->is_registered = self->may_be_registered = false;
    if (self->is_reentering)
        atomic_store(&self->is_draining, false);
    self->is_reentering = false;
}

static void open_session(struct fetcher *self)
{
    const struct fetcher_options *options = &self->options;
    self->session = session_new(&options->queue, options->process, ++self->generation, &self->wake);
    self->session->slot = options->slot;
    self->session->is_at_most_once = options->is_at_most_once;
}

static void registered(struct fetcher *self, int64_t now_ms, int64_t sent_ms)
{
    session_set_server_time(self->session, now_ms);
    atomic_store(&self->session->renewed_ms, sent_ms);
    self->is_registered = true;
    self->audited_link = conn_generation(self->conn);
    self->audited_ms = clock_mono_ms();
    fetcher_publish(self, self->session);
    log_fields(self->generation == 1 ? LOG_INFO : LOG_WARN,
               self->generation == 1 ? "worker registered" : "worker registered again",
               LOG_STR("queue", self->options.queue.name),
               LOG_STR("worker", self->session->lease.worker));
    atomic_store(&self->is_ready, true);
    wake_set(self->options.changed);
}

static bool register_session(struct fetcher *self)
{
    struct err err = {0};
    enum lease_register outcome;
    int64_t now_ms, sent_ms = clock_mono_ms();
    /* Set before the call, not after the reply: if the reply is lost, the registration may exist,
     * and fetcher_leave() must then undo it. */
    bool was_maybe = self->may_be_registered;
    self->may_be_registered = true;
    enum status status =
        lease_register(self->conn, &self->session->lease, sent_ms - self->options.started_ms,
                       &self->known_drain, &outcome, &now_ms, &err);
    if (status != ST_OK) {
        /* If Redis refused, nothing was registered: the script writes to the registry last. */
        bool is_unknown = status == ST_LOST_REPLY || status == ST_PROTOCOL;
        self->may_be_registered = was_maybe || is_unknown;
        fetcher_await_retry(self, "cannot register", &err);
        return false;
    }
    fetcher_note_success(self);
    switch (outcome) {
    case LEASE_REGISTERED:
        registered(self, now_ms, sent_ms);
        return true;
    case LEASE_DRAINED:
        fetcher_note_drained(self);
        break;
    case LEASE_FENCED:
        (void)session_lose(self->session);
        break;
    }
    return false;
}

bool fetcher_get_ready(struct fetcher *self)
{
    struct err err = {0};
    if (self->session && session_is_lost(self->session)) {
        log_fields(LOG_WARN, "lease lost: starting over under a new name",
                   LOG_STR("queue", self->options.queue.name),
                   LOG_STR("worker", self->session->lease.worker));
        fetcher_drop_session(self);
    }
    /* A lost lease is not registered again under the same name: a reaper may be halfway through it,
     * and what it has not reached yet would be given back twice. A new name has no such past. */
    if (!self->session)
        open_session(self);
    if (conn_connect(self->conn, &err) != ST_OK) {
        fetcher_await_retry(self, "Redis cannot be reached, trying on", &err);
        return false;
    }
    if (!self->is_registered)
        return register_session(self);
    if (self->must_release && self->is_claim_open)
        return fetcher_release_claimed(self);
    /* Audited on every new link, since a server that came back may have lost its last second; and
     * from time to time, since a failover behind a proxy keeps the link. Not at every claim: that
     * would read the list of everything held each time. */
    bool is_due = conn_generation(self->conn) != self->audited_link ||
                  clock_mono_ms() - self->audited_ms > AUDIT_MS ||
                  atomic_load(&self->session->must_audit);
    if (is_due && !self->is_claim_open && !self->options.is_at_most_once) {
        fetcher_audit(self);
        return conn_is_connected(self->conn);
    }
    return true;
}
