/* watch - sees when a worker's lease has run out, without trusting any clock but this machine's
 * monotonic one.
 *
 * A worker is dead when its score has been seen unchanged for a whole lease, in looks that were
 * never further apart than half of one, on the same run of the server: a stall of ours or of Redis,
 * a restart, a failover or a clock that jumps starts the watch anew. Pure but for the times it is
 * given. */
#ifndef DARG_WORKER_KEEPER_WATCH_H
#define DARG_WORKER_KEEPER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch;

struct watch *watch_new(int64_t lease_ms);
void watch_free(struct watch *watch);

/* Begins a look at the registry at now_ms (monotonic), on the server run named run_id ("" if
 * unknown). */
void watch_look(struct watch *watch, int64_t now_ms, const char *run_id);

/* One worker seen in this look; true if it is to be reaped with this score. */
bool watch_see(struct watch *watch, const char *worker, const char *score);

#endif
