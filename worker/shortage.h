/* shortage - says that jobs wait because the worker lacks what it takes to start them: once a
 * minute, however many they are. Any thread. */
#ifndef DARG_WORKER_SHORTAGE_H
#define DARG_WORKER_SHORTAGE_H

#include <stdatomic.h>
#include <stdint.h>

struct shortage {
    _Atomic int64_t said_ms; /* monotonic, of the last time; 0: never */
    _Atomic int64_t waits;   /* since then */
};

/* A job has to wait, for this reason. */
void shortage_note(struct shortage *shortage, const char *reason);

#endif
