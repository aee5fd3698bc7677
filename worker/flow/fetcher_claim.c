/* The claiming part of a fetcher: room, one claim at a time, its outcome, and the wait for jobs. */
#include "worker/flow/fetcher_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "queue/claim.h"
#include "queue/schedule.h"
#include "worker/flow/giveback.h"

enum {
    BLOCK_MS = 5000,        /* one blocking wait at Redis */
    BLOCK_MARGIN_MS = 3000, /* a reply this much overdue means that the link is dead */
    ROOM_WAIT_MS = 1000,
    LIMIT_LOOK_MS = 1000, /* a limit's wait can be hours, and the limit can be lifted meanwhile */
    /* Jobs that have waited this long for a thread, in vain, are given back. Two looks are needed:
     * one that sees the last job being taken, one that finds the time expired. Together they take
     * at most 50 ms. */
    STUCK_MS = 30,
    UNBOX_LIMIT = 100,
    CUTS = 2, /* replies cut off in a row: then ask for less */
    /* Cut off with one job: then ask for its beginning only, and bury it. */
    ALONE_MAX = 3,
    SHORT_MS = 10 * 1000,       /* time for the burial, in which the job is not given back */
    EASE_MS = 10 * 1000,        /* after this long, ask for twice as much again */
    MAX_BYTES_LEAST = 64 << 10, /* below this, one job at a time */
};

/* --- answers that do not get here --- */

/* Redis closes a link whose output buffer is full, and so does a worker that has no memory for the
 * reply. Repeating the same claim, as after any other lost reply, would then go on for ever: each
 * time it would be answered and cut off. */
static void ask_for_less(struct fetcher *self)
{
    if (self->max_bytes > MAX_BYTES_LEAST)
        self->max_bytes /= 2;
    else
        self->max_bytes = 1;
    self->cuts = 0;
    self->eased_ms = clock_mono_ms();
    self->must_release = true;
    log_fields(LOG_WARN,
               "Redis cut off the answer to a claim twice: claiming less at a time. Is the "
               "server's client-output-buffer-limit too small?",
               LOG_STR("queue", self->options.queue.name), LOG_INT("bytes", self->max_bytes));
}

static void ask_for_more(struct fetcher *self)
{
    const struct fetcher_options *options = &self->options;
    if (self->max_bytes == options->max_bytes || clock_mono_ms() - self->eased_ms < EASE_MS)
        return;
    self->max_bytes = self->max_bytes < MAX_BYTES_LEAST ? MAX_BYTES_LEAST : self->max_bytes * 2;
    if (self->max_bytes > options->max_bytes)
        self->max_bytes = options->max_bytes;
    self->eased_ms = clock_mono_ms();
}

/* --- claims --- */

static void pass_on(struct fetcher *self, struct claim *claim)
{
    const struct fetcher_options *options = &self->options;
    self->base = claim->base + (int64_t)claim->count;
    struct batch *batch = session_add_claim(self->session, claim);
    size_t count = batch ? batch->count : 0;
    if (count > 0) {
        self->short_ms = self->alone >= ALONE_MAX ? clock_mono_ms() : 0;
        self->alone = 0;
        ask_for_more(self);
    }
    self->careful_left -= self->careful_left > 0 ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        bool is_pushed = ring_push(options->tasks, &batch->tasks[i]);
        ensure(is_pushed, "the ring of tasks is full at %zu", ring_count(options->tasks));
    }
    room_settle_grant(options->room, options->slot, self->granted, (int64_t)count);
    ring_wake(options->tasks);
}

static void encode_claim(struct fetcher *self, int64_t max_job_size)
{
    struct claim_options options = {.max_bytes = self->max_bytes,
                                    .policy = *self->options.policy,
                                    .discard_sentinel = self->options.ignores_sentinel};
    options.policy.max_job_size = max_job_size;
    request_clear(&self->claim);
    claim_encode(&self->claim, &self->session->lease, self->base, self->asked, &options);
}

bool fetcher_release_claimed(struct fetcher *self)
{
    struct err err = {0};
    int64_t given = 0;
    if (giveback_unknown(self->conn, self->session, self->base, &given, &err) != ST_OK) {
        fetcher_await_retry(self, "cannot give back what a claim has taken", &err);
        return false;
    }
    self->alone = given == 1 ? self->alone + 1 : 0;
    if (given == 1)
        self->max_bytes = 1; /* halving would ask for the same single job */
    /* The receipt in Redis still says how many jobs the claim took, so numbering continues behind
     * them. If the claim was never carried out, it is now. Either way the reply is smaller. */
    encode_claim(self, self->options.policy->max_job_size);
    self->must_release = false;
    return conn_is_connected(self->conn);
}

/* A job has arrived in the inbox for this worker. If the pool is full by now, hand the job on at
 * once: the inbox is nobody's queue, and the next claim from here may be far off. */
static void hand_on_if_full(struct fetcher *self)
{
    self->granted = room_try(self->options.room, self->options.slot);
    if (self->granted > 0) {
        room_settle_grant(self->options.room, self->options.slot, self->granted, 0);
        return;
    }
    struct err err = {0};
    int64_t moved;
    if (schedule_unbox(self->conn, &self->options.queue, UNBOX_LIMIT, &moved, &err) != ST_OK)
        fetcher_await_retry(self, "cannot hand on a job", &err);
}

/* True if the blocking wait can go on after a wake-up that did not concern the fetcher. */
static bool may_go_on_waiting(struct fetcher *self)
{
    wake_clear(&self->wake);
    return fetcher_current_order(self) == ORDER_NONE && !session_is_lost(self->session) &&
           !atomic_load(&self->has_suspects);
}

/* Lets Redis wait for a job, without polling. The job lands in the inbox, and the next claim takes
 * it. Nothing is claimed by the blocking call itself: it cannot check a limit or record a holder,
 * and a script cannot block. */
static void wait_for_job(struct fetcher *self)
{
    struct err err = {0};
    /* While jobs wait for a busy pool, come back soon: they may have to be given back. */
    int64_t block_ms = ring_count(self->options.tasks) > 0 ? FETCHER_STUCK_LOOK_MS : BLOCK_MS;
    enum status status = claim_wait_begin(self->conn, &self->options.queue, block_ms, &err);
    int64_t deadline_ms = clock_mono_ms() + block_ms + BLOCK_MARGIN_MS;
    enum conn_wait wait = CONN_READABLE;
    while (status == ST_OK) {
        wait = conn_wait(self->conn, self->wake.fd, deadline_ms - clock_mono_ms());
        if (wait != CONN_WOKEN || !may_go_on_waiting(self))
            break;
    }
    if (status == ST_OK && wait != CONN_READABLE) {
        /* A blocking call can be left only by dropping the link. A job that it moves nevertheless
         * lies in the inbox, which all workers of the queue share, so it is not lost. */
        conn_discard(self->conn);
        return;
    }
    bool is_woken = false;
    if (status == ST_OK)
        status = claim_wait_end(self->conn, &is_woken, &err);
    if (status == ST_OOM || status == ST_NOPERM || status == ST_UNBLOCKED) {
        fetcher_rest(self, FETCHER_PAUSE_MS); /* blocking is refused: claim once a second instead */
        return;
    }
    if (status != ST_OK)
        fetcher_await_retry(self, "cannot wait for jobs", &err);
    else if (is_woken)
        hand_on_if_full(self);
}

static void act_on(struct fetcher *self, struct claim *claim)
{
    enum claim_outcome outcome = claim->outcome;
    session_set_server_time(self->session, claim->now_ms);
    self->is_claim_open = false;
    self->cuts = 0;
    if (claim->outcome == CLAIM_JOBS)
        pass_on(self, claim);
    if (outcome == CLAIM_JOBS)
        return;
    self->alone = 0;
    room_settle_grant(self->options.room, self->options.slot, self->granted, 0);
    switch (outcome) {
    case CLAIM_JOBS:
        break;
    case CLAIM_EMPTY:
        if (fetcher_leaves_when_empty(self))
            fetcher_leave_if_empty(self, claim->next_due_ms, claim->now_ms);
        else
            wait_for_job(self);
        break;
    case CLAIM_DRAIN:
        fetcher_start_draining(self);
        break;
    /* For a limit, or until a suspect has ended; one of our own jobs may be what it waits for. */
    case CLAIM_WAIT:
        atomic_store(&self->session->is_awaited, true);
        fetcher_rest(self, claim->wait_ms < LIMIT_LOOK_MS ? claim->wait_ms : LIMIT_LOOK_MS);
        atomic_store(&self->session->is_awaited, false);
        break;
    case CLAIM_STALE:
        log_fields(LOG_ERROR, "Redis disagrees about this worker's claims",
                   LOG_STR("queue", self->options.queue.name));
        (void)session_lose(self->session);
        break;
    case CLAIM_LOST:
        (void)session_lose(self->session);
        break;
    }
}

/* Sends the open claim, for the first time or again. */
static void send_claim(struct fetcher *self)
{
    struct err err = {0};
    struct claim claim = {0};
    const struct fetcher_options *options = &self->options;
    atomic_store(&self->has_suspects, false);
    load_name_claim(options->load, options->slot, self->session->generation, self->base);
    enum status status = claim_call(self->conn, &self->claim, &claim, &err);
    /* Should not happen; checked because everything after this relies on the numbers. */
    if (status == ST_OK && claim.outcome == CLAIM_JOBS && claim.base != self->base) {
        status = err_set(&err, ST_PROTOCOL, "Redis answered a claim with the jobs of another");
        claim_fini(&claim);
    }
    if (status == ST_OK) {
        fetcher_note_success(self);
        act_on(self, &claim);
        claim_fini(&claim);
        return;
    }
    bool is_cut = status == ST_LOST_REPLY || status == ST_PROTOCOL;
    if (is_cut && ++self->cuts == CUTS)
        ask_for_less(self);
    /* The grant goes back although the claim is still open: the rings have space for a full claim
     * per queue beyond all grants, and the other queues must not wait until this one gets its
     * reply. */
    room_settle_grant(self->options.room, self->options.slot, self->granted, 0);
    self->granted = 0;
    fetcher_await_retry(self, "cannot claim", &err);
}

void fetcher_give_back_if_stuck(struct fetcher *self)
{
    struct ring *tasks = self->options.tasks;
    uint64_t taken = ring_taken(tasks);
    int64_t now_ms = clock_mono_ms();
    if (self->short_ms != 0 && now_ms - self->short_ms < SHORT_MS)
        return;
    bool is_moving = taken != self->taken_seen && !room_is_overfull(self->options.room);
    if (ring_count(tasks) == 0 || is_moving || !room_is_adaptive(self->options.room)) {
        self->taken_seen = taken;
        self->taken_ms = now_ms;
        return;
    }
    if (now_ms - self->taken_ms < STUCK_MS)
        return;
    struct err err = {0};
    int64_t given = 0;
    if (giveback_waiting(self->conn, tasks, self->options.room, &given, &err) != ST_OK)
        fetcher_await_retry(self, "cannot give back jobs", &err);
    log_fields(LOG_DEBUG, "gave back jobs for which no thread was free", LOG_INT("jobs", given));
}

void fetcher_claim_step(struct fetcher *self)
{
    if (!self->is_claim_open) {
        bool is_stocked = ring_count(self->options.tasks) > 0;
        self->granted = room_wait(self->options.room, self->options.slot,
                                  is_stocked ? FETCHER_STUCK_LOOK_MS : ROOM_WAIT_MS);
        if (self->granted == 0)
            return;
        bool is_cut_off = self->alone >= ALONE_MAX;
        self->asked = self->careful_left > 0 || is_cut_off ? 1 : self->granted;
        encode_claim(self, is_cut_off && self->options.policy->max_job_size > CLAIM_SHORT_BYTES
                               ? CLAIM_SHORT_BYTES
                               : self->options.policy->max_job_size);
        self->is_claim_open = true;
    }
    send_claim(self);
}
