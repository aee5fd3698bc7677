/* How many jobs may be claimed is computed afresh each time from what can be observed: idle
 * threads, the ring, open claims, the recent pace. There is no window that grows and shrinks as
 * TCP's does: it would remember a pace that the next job may not have, and while it is too large,
 * jobs wait behind a long one although other workers are idle. */
#include "worker/flow/room.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "queue/claim.h"

/* How far ahead of the pool jobs are fetched, and how many at most: two full claims, one being
 * worked off while the other is under way. 5 ms is several round trips to a Redis nearby; more
 * would only be stock that has to be recovered if the process dies. */
enum { HORIZON_US = 5000, AHEAD_MAX = 2 * CLAIM_MAX };

/* Stock that would last ten horizons, 50 ms, is too much: the jobs turned out longer than those
 * before. */
enum { OVERFULL_FACTOR = 10 };

/* A fetcher that has just brought jobs comes back for more within microseconds. If its thread has
 * to wait for a processor, its turn is kept for it, so that a less important queue does not slip
 * in; but not for longer, since something else may keep it, say a broken link. */
enum { RETURN_MS = 100 };

struct slot {
    double weight;
    double passed;        /* jobs taken over weight: the least goes first */
    bool is_wanting;      /* its fetcher waits for room */
    bool was_idle;        /* its last claim found nothing */
    int64_t return_by_ms; /* monotonic: its fetcher is on its way back until then; 0: it is not */
    /* One per slot: a shared one would wake every fetcher for the turn of one. */
    pthread_cond_t changed;
};

struct room {
    struct load *load;  /* fixed */
    struct ring *tasks; /* fixed */
    size_t slot_count;  /* fixed */
    /* Pool threads wake a fetcher when at most this many tasks wait in the ring; -1: nobody waits
     * for room. */
    _Atomic int64_t wake_below;
    _Atomic int64_t outstanding; /* jobs this process holds */
    pthread_mutex_t lock;
    int64_t in_flight;   /* under lock: granted to claims that have not ended */
    uint64_t interrupts; /* under lock */
    bool is_weighted;    /* under lock */
    _Atomic int64_t prefetch;
    struct slot slots[]; /* under lock */
};

static void set_locked(struct room *room, const int64_t *weights, int64_t prefetch)
{
    room->is_weighted = false;
    for (size_t i = 0; i < room->slot_count; i++) {
        room->is_weighted = room->is_weighted || weights[i] > 0;
        room->slots[i].weight = weights[i] > 0 ? (double)weights[i] : 1;
    }
    atomic_store(&room->prefetch, prefetch);
}

struct room *room_new(struct load *load, struct ring *tasks, const int64_t *weights,
                      size_t queue_count, int64_t prefetch)
{
    struct room *room = mem_new(sizeof *room + queue_count * sizeof room->slots[0]);
    room->load = load;
    room->tasks = tasks;
    room->slot_count = queue_count;
    set_locked(room, weights, prefetch);
    atomic_init(&room->wake_below, -1);
    pthread_mutex_init(&room->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    for (size_t i = 0; i < queue_count; i++)
        pthread_cond_init(&room->slots[i].changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return room;
}

/* Wakes the fetcher whose turn it is now; all others, and there may be a hundred, would only go
 * back to sleep. Every fetcher that stops waiting calls this, so the turn never rests with one that
 * sleeps on. */
static void wake_next_locked(struct room *room)
{
    struct slot *next = NULL;
    for (size_t i = 0; i < room->slot_count; i++) {
        struct slot *slot = &room->slots[i];
        bool is_before = !next || (room->is_weighted && slot->passed < next->passed);
        if (slot->is_wanting && is_before)
            next = slot;
    }
    if (next)
        pthread_cond_signal(&next->changed);
}

void room_set(struct room *room, const int64_t *weights, int64_t prefetch)
{
    pthread_mutex_lock(&room->lock);
    set_locked(room, weights, prefetch);
    wake_next_locked(room);
    pthread_mutex_unlock(&room->lock);
}

void room_free(struct room *room)
{
    if (!room)
        return;
    for (size_t i = 0; i < room->slot_count; i++)
        pthread_cond_destroy(&room->slots[i].changed);
    pthread_mutex_destroy(&room->lock);
    free(room);
}

/* How many jobs may be held ready beyond those that idle threads take at once. */
static int64_t ahead_locked(struct room *room)
{
    int64_t prefetch = atomic_load(&room->prefetch);
    if (prefetch >= 0)
        return prefetch;
    double pace_us = load_pace_us(room->load, clock_mono_us());
    if (pace_us < 0)
        return 0;
    double ahead = (double)load_thread_count(room->load) * HORIZON_US / (pace_us < 1 ? 1 : pace_us);
    return ahead > AHEAD_MAX ? AHEAD_MAX : (int64_t)ahead;
}

/* True if no other queue that waits, or is about to, goes before this one. *until_ms becomes the
 * time at which that may change by itself, if it is sooner. */
static bool is_turn_locked(const struct room *room, size_t slot, int64_t *until_ms)
{
    bool is_turn = true;
    int64_t now_ms = room->slot_count > 1 ? clock_mono_ms() : 0;
    for (size_t i = 0; i < room->slot_count; i++) {
        const struct slot *other = &room->slots[i];
        bool is_returning = other->return_by_ms > now_ms;
        if (i == slot || !(other->is_wanting || is_returning))
            continue;
        if (room->is_weighted ? other->passed >= room->slots[slot].passed : i > slot)
            continue;
        is_turn = false;
        if (is_returning && other->return_by_ms < *until_ms)
            *until_ms = other->return_by_ms;
    }
    return is_turn;
}

/* The grant for `slot` now; 0: none. Sets wake_below, so that later changes wake the fetcher; for a
 * change that comes by the clock alone, *until_ms is brought forward instead. */
static int64_t grant_locked(struct room *room, size_t slot, int64_t *until_ms)
{
    if (!is_turn_locked(room, slot, until_ms))
        return 0;
    /* Set the mark first, then look: a thread that changes something afterwards sees the mark. */
    atomic_store(&room->wake_below, INT64_MAX);
    int64_t ahead = ahead_locked(room);
    /* Tasks are counted before threads: a thread marks itself busy before it takes, so no task is
     * missed. */
    int64_t queued = (int64_t)ring_count(room->tasks) + room->in_flight;
    int64_t idle = (int64_t)load_idle_count(room->load);
    int64_t free_count = idle + ahead - queued;
    int64_t bound = ROOM_OUTSTANDING_MAX - atomic_load(&room->outstanding) - room->in_flight;
    /* Short jobs are claimed in large batches: not until half of the stock is used up. */
    bool is_stocked = ahead >= (int64_t)load_thread_count(room->load) && queued > ahead / 2;
    if (is_stocked) {
        atomic_store(&room->wake_below, ahead / 2);
        return 0;
    }
    int64_t n = free_count < bound ? free_count : bound;
    return n > CLAIM_MAX ? CLAIM_MAX : n > 0 ? n : 0;
}

static void take_grant_locked(struct room *room, int64_t granted)
{
    room->in_flight += granted;
    atomic_store(&room->wake_below, -1);
}

/* A queue that comes back after a pause starts level with the others: it is owed nothing for the
 * past. Otherwise a queue that was empty for an hour would have the workers to itself for as
 * long. */
static void catch_up_locked(struct room *room, size_t slot)
{
    double least = -1;
    for (size_t i = 0; i < room->slot_count; i++)
        if (i != slot && room->slots[i].is_wanting && (least < 0 || room->slots[i].passed < least))
            least = room->slots[i].passed;
    if (least > room->slots[slot].passed)
        room->slots[slot].passed = least;
}

static struct timespec deadline_at(int64_t at_ms)
{
    return (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

int64_t room_wait(struct room *room, size_t slot, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    int64_t until_ms = deadline_ms;
    pthread_mutex_lock(&room->lock);
    uint64_t interrupts = room->interrupts;
    if (room->slots[slot].was_idle)
        catch_up_locked(room, slot);
    room->slots[slot].is_wanting = true;
    room->slots[slot].return_by_ms = 0;
    int64_t granted = grant_locked(room, slot, &until_ms);
    while (granted == 0 && room->interrupts == interrupts && clock_mono_ms() < deadline_ms) {
        struct timespec until = deadline_at(until_ms);
        pthread_cond_timedwait(&room->slots[slot].changed, &room->lock, &until);
        until_ms = deadline_ms;
        granted = grant_locked(room, slot, &until_ms);
    }
    room->slots[slot].is_wanting = false;
    take_grant_locked(room, granted);
    wake_next_locked(room);
    pthread_mutex_unlock(&room->lock);
    return granted;
}

int64_t room_try(struct room *room, size_t slot)
{
    return room_wait(room, slot, 0);
}

void room_settle_grant(struct room *room, size_t slot, int64_t granted, int64_t taken)
{
    pthread_mutex_lock(&room->lock);
    room->in_flight -= granted;
    room->slots[slot].passed += (double)taken / room->slots[slot].weight;
    room->slots[slot].was_idle = taken == 0;
    room->slots[slot].return_by_ms = taken > 0 ? clock_mono_ms() + RETURN_MS : 0;
    wake_next_locked(room);
    pthread_mutex_unlock(&room->lock);
    atomic_fetch_add(&room->outstanding, taken);
}

void room_forget(struct room *room, int64_t count)
{
    atomic_fetch_sub(&room->outstanding, count);
    room_notice(room);
}

bool room_is_adaptive(const struct room *room)
{
    return atomic_load_explicit(&room->prefetch, memory_order_relaxed) < 0;
}

bool room_is_overfull(struct room *room)
{
    pthread_mutex_lock(&room->lock);
    int64_t ready = (int64_t)load_idle_count(room->load) + OVERFULL_FACTOR * ahead_locked(room);
    pthread_mutex_unlock(&room->lock);
    return (int64_t)ring_count(room->tasks) > ready;
}

void room_interrupt(struct room *room)
{
    pthread_mutex_lock(&room->lock);
    room->interrupts++;
    for (size_t i = 0; i < room->slot_count; i++)
        pthread_cond_signal(&room->slots[i].changed);
    pthread_mutex_unlock(&room->lock);
}

void room_notice(struct room *room)
{
    /* Called at the end of every job, so it takes the lock only if a fetcher has said at what stock
     * it wants to be woken. */
    int64_t wake_below = atomic_load(&room->wake_below);
    if (wake_below < 0 || (int64_t)ring_count(room->tasks) > wake_below)
        return;
    pthread_mutex_lock(&room->lock);
    wake_next_locked(room);
    pthread_mutex_unlock(&room->lock);
}
