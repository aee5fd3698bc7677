/* A sequence number in each cell says whose turn it is (D. Vyukov's bounded MPMC queue): a cell at
 * position p is free for the push number p while its sequence is p, and full for the take number p
 * while it is p + 1.
 *
 * Not a list under a lock: with jobs of a microsecond all threads would contend for it, twice per
 * job. Not a ring per thread either: a thread with a long job would sit on the tasks dealt to it,
 * and others would have to steal them. The lock here is for sleeping only; a busy ring never takes
 * it. */
#include "worker/flow/ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

struct cell {
    _Atomic size_t sequence;
    void *item; /* the pusher writes it before the sequence, the taker reads it after */
};

struct ring {
    struct cell *cells; /* fixed after start */
    size_t mask;        /* fixed after start */
    /* A cache line each: otherwise pushers and takers would invalidate each other's at every
     * step. */
    _Alignas(64) _Atomic size_t pushed;
    _Alignas(64) _Atomic size_t taken;
    _Alignas(64) _Atomic int sleepers;
    _Atomic bool is_closed;
    pthread_mutex_t lock; /* for sleeping only */
    pthread_cond_t items;
};

struct ring *ring_new(size_t capacity)
{
    size_t size = 2;
    while (size < capacity)
        size *= 2;
    struct ring *ring = aligned_alloc(64, (sizeof *ring + 63) / 64 * 64);
    ensure(ring != NULL, "no memory for a ring of %zu", size);
    *ring = (struct ring){.cells = mem_array(size, sizeof *ring->cells), .mask = size - 1};
    for (size_t i = 0; i < size; i++)
        atomic_init(&ring->cells[i].sequence, i);
    pthread_mutex_init(&ring->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->items, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return ring;
}

void ring_free(struct ring *ring)
{
    if (!ring)
        return;
    pthread_cond_destroy(&ring->items);
    pthread_mutex_destroy(&ring->lock);
    free(ring->cells);
    free(ring);
}

bool ring_push(struct ring *ring, void *item)
{
    size_t at = atomic_load_explicit(&ring->pushed, memory_order_relaxed);
    for (;;) {
        struct cell *cell = &ring->cells[at & ring->mask];
        size_t sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);
        ptrdiff_t turn = (ptrdiff_t)(sequence - at);
        if (turn < 0)
            return false;
        if (turn > 0) {
            at = atomic_load_explicit(&ring->pushed, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(
                       &ring->pushed, &at, at + 1, memory_order_relaxed, memory_order_relaxed)) {
            cell->item = item;
            atomic_store_explicit(&cell->sequence, at + 1, memory_order_release);
            return true;
        }
    }
}

void *ring_try_take(struct ring *ring)
{
    size_t at = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    for (;;) {
        struct cell *cell = &ring->cells[at & ring->mask];
        size_t sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);
        ptrdiff_t turn = (ptrdiff_t)(sequence - (at + 1));
        if (turn < 0)
            return NULL;
        if (turn > 0) {
            at = atomic_load_explicit(&ring->taken, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(
                       &ring->taken, &at, at + 1, memory_order_release, memory_order_relaxed)) {
            void *item = cell->item;
            atomic_store_explicit(&cell->sequence, at + ring->mask + 1, memory_order_release);
            return item;
        }
    }
}

void ring_wake(struct ring *ring)
{
    /* A read-modify-write and not a load: it is ordered with the one of a thread about to sleep.
     * Either the sleeper is seen here, or the sleeper's last look sees what was pushed before. */
    if (atomic_fetch_add_explicit(&ring->sleepers, 0, memory_order_acq_rel) == 0)
        return;
    pthread_mutex_lock(&ring->lock);
    pthread_cond_signal(&ring->items);
    pthread_mutex_unlock(&ring->lock);
}

/* A push of many wakes one sleeper, and each taker wakes the next while something is left, so as
 * many threads wake as there is work for. If all were woken at once, most would find the ring
 * empty. */
static void *take_and_pass_on(struct ring *ring)
{
    void *item = ring_try_take(ring);
    if (item && atomic_load_explicit(&ring->sleepers, memory_order_relaxed) > 0 &&
        ring_count(ring) > 0)
        ring_wake(ring);
    return item;
}

static struct timespec deadline_after(int64_t timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += timeout_ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Under the lock. False: `deadline` has passed. */
static bool sleep_once(struct ring *ring, const struct timespec *deadline)
{
    if (!deadline)
        return pthread_cond_wait(&ring->items, &ring->lock) == 0;
    return pthread_cond_timedwait(&ring->items, &ring->lock, deadline) == 0;
}

void *ring_take(struct ring *ring, int64_t timeout_ms)
{
    void *item = take_and_pass_on(ring);
    if (item || timeout_ms == 0)
        return item;
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    bool is_late = false;
    pthread_mutex_lock(&ring->lock);
    atomic_fetch_add_explicit(&ring->sleepers, 1, memory_order_acq_rel);
    while (!(item = ring_try_take(ring)) && !is_late &&
           !atomic_load_explicit(&ring->is_closed, memory_order_acquire)) {
        is_late = !sleep_once(ring, timeout_ms < 0 ? NULL : &deadline);
    }
    atomic_fetch_sub_explicit(&ring->sleepers, 1, memory_order_acq_rel);
    if (item && ring_count(ring) > 0)
        pthread_cond_signal(&ring->items);
    pthread_mutex_unlock(&ring->lock);
    return item;
}

enum ring_wait ring_wait(struct ring *ring, int64_t timeout_ms)
{
    if (ring_count(ring) > 0)
        return RING_ITEMS;
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    bool is_early = true;
    pthread_mutex_lock(&ring->lock);
    atomic_fetch_add_explicit(&ring->sleepers, 1, memory_order_acq_rel);
    while (is_early && ring_count(ring) == 0 &&
           !atomic_load_explicit(&ring->is_closed, memory_order_acquire))
        is_early = sleep_once(ring, timeout_ms < 0 ? NULL : &deadline);
    atomic_fetch_sub_explicit(&ring->sleepers, 1, memory_order_acq_rel);
    size_t count = ring_count(ring);
    if (count > 1)
        pthread_cond_signal(&ring->items);
    pthread_mutex_unlock(&ring->lock);
    return count > 0 ? RING_ITEMS : ring_is_closed(ring) ? RING_CLOSED : RING_TIMEOUT;
}

void ring_close(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    atomic_store_explicit(&ring->is_closed, true, memory_order_release);
    pthread_cond_broadcast(&ring->items);
    pthread_mutex_unlock(&ring->lock);
}

bool ring_is_closed(const struct ring *ring)
{
    return atomic_load_explicit(&ring->is_closed, memory_order_acquire);
}

uint64_t ring_taken(const struct ring *ring)
{
    return atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

size_t ring_count(const struct ring *ring)
{
    /* `taken` is read before `pushed`, so the count can be too large but never too small: a thread
     * that goes to sleep on a count of 0 can rely on it. */
    size_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
    size_t pushed = atomic_load_explicit(&ring->pushed, memory_order_relaxed);
    ptrdiff_t inside = (ptrdiff_t)(pushed - taken);
    return inside > 0 ? (size_t)inside : 0;
}
