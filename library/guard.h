/* guard - keeps pthread_cancel() from leaving a public call half done.
 *
 * Nearly every call locks something and then waits for Redis. A cancelled thread would end there,
 * with the lock held, the link out of step, and memory leaked. So every public function begins with
 * GUARD: from there to its return the thread cannot be cancelled. A request made meanwhile takes
 * effect at the thread's next cancellation point. */
#ifndef DARG_LIBRARY_GUARD_H
#define DARG_LIBRARY_GUARD_H

#include <pthread.h>

static inline int guard_enter(void)
{
    int before = PTHREAD_CANCEL_ENABLE;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void guard_leave(const int *before)
{
    int ignored;
    (void)pthread_setcancelstate(*before, &ignored);
}

#define GUARD int guard_before __attribute__((cleanup(guard_leave), unused)) = guard_enter()

#endif
