/* ring - a bounded queue of pointers between threads: many may push, many may take.
 *
 * Passing an item passes its ownership. Pushing and taking are lock-free; the lock serves only
 * those who sleep because the ring is empty. A push wakes one sleeper, and a taker that leaves
 * items behind wakes the next, so a burst of short jobs does not wake threads that would find
 * nothing. */
#ifndef DARG_WORKER_FLOW_RING_H
#define DARG_WORKER_FLOW_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

struct ring *ring_new(size_t capacity); /* rounded up to a power of two */
void ring_free(struct ring *ring);      /* frees no items; NULL is fine */

/* False if full, which in most places is a bug, since the owner limits what is under way. Wakes
 * nobody. */
bool ring_push(struct ring *ring, void *item);

/* Wakes a sleeper, if there is one: after a push, or after a batch of them. */
void ring_wake(struct ring *ring);

/* The oldest item; NULL: there is none now. */
void *ring_try_take(struct ring *ring);

/* The oldest item; sleeps while there is none, up to timeout_ms (negative: for ever). NULL: timed
 * out, or the ring is closed and empty. */
void *ring_take(struct ring *ring, int64_t timeout_ms);

/* Sleeps until there is something to take (another thread may still be quicker), the ring is closed
 * and empty, or timeout_ms have passed (negative: for ever). */
enum ring_wait { RING_ITEMS, RING_CLOSED, RING_TIMEOUT };
enum ring_wait ring_wait(struct ring *ring, int64_t timeout_ms);

/* From now on sleepers return at once; what is in the ring can still be taken. */
void ring_close(struct ring *ring);
bool ring_is_closed(const struct ring *ring);

/* How many items have ever been taken. Does not change while nobody takes. */
uint64_t ring_taken(const struct ring *ring);

/* How many items are inside; exact only while nobody pushes or takes. If an item is no longer
 * counted, whatever its taker wrote before taking it is visible to the caller. */
size_t ring_count(const struct ring *ring);

#endif
