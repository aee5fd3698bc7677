/* ring - a bounded queue of pointers between threads: many may push, many may take.
 *
 * Passing an item passes its ownership. Pushing and taking are lock-free; the lock serves only
 * those who sleep because the ring is empty. One push wakes one sleeper, and a taker that leaves
 * items behind wakes the next, so that a burst of short jobs does not wake threads which would find
 * nothing. */
#ifndef DARG_WORKER_FLOW_RING_H
#define DARG_WORKER_FLOW_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

struct ring *ring_new(size_t capacity); /* rounded up to a power of two */
void ring_free(struct ring *ring);      /* must be empty of anything owned; NULL is fine */

/* False if full (the owner bounds what is under way, so that this is a bug in most places). Wakes
 * nobody. */
bool ring_push(struct ring *ring, void *item);

/* Wakes a sleeper, if there is one: after a push, or after a batch of them. */
void ring_wake(struct ring *ring);

/* The oldest item, or NULL if there is none now. */
void *ring_try_take(struct ring *ring);

/* The oldest item; sleeps while there is none, up to timeout_ms (negative: for ever). NULL: the
 * time is over, or the ring is closed and empty. */
void *ring_take(struct ring *ring, int64_t timeout_ms);

/* Sleeps until there is something to be taken (which another may then be quicker to take), the ring
 * is closed and empty, or timeout_ms have passed (negative: for ever). */
enum ring_wait { RING_ITEMS, RING_CLOSED, RING_TIMEOUT };
enum ring_wait ring_wait(struct ring *ring, int64_t timeout_ms);

/* Sleepers return at once from now on; what is in the ring can still be taken. */
void ring_close(struct ring *ring);
bool ring_is_closed(const struct ring *ring);

/* How many items have ever been taken: stands still while nobody takes. */
uint64_t ring_taken(const struct ring *ring);

/* How many items are inside: exact only while nobody pushes or takes. What a taker wrote before it
 * took an item that is no longer counted can be seen after the call. */
size_t ring_count(const struct ring *ring);

#endif
