/* watch - detects that a worker's lease has expired, trusting no clock but this machine's monotonic
 * one.
 *
 * A worker is dead if its score has not changed for a whole lease, in looks never more than half a
 * lease apart, on the same run of the server. So a stall here or in Redis, a restart, a failover or
 * a jumping clock only starts the watch again. Pure; reads no clock, but is given the times. */
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

/* One worker seen in this look; true if it must be reaped, with this score. */
bool watch_see(struct watch *watch, const char *worker, const char *score);

#endif
