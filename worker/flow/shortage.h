/* shortage - types of jobs whose handlers cannot be started because the worker lacks what that
 * takes. Decides how many threads wait for such a type and how long its jobs are put off, so that
 * jobs of other types go on, and says so in the log: once a minute for each type. Any thread; asked
 * only about types that lack something, but for shortage_is_known(). */
#ifndef DARG_WORKER_FLOW_SHORTAGE_H
#define DARG_WORKER_FLOW_SHORTAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shortage_type;

struct shortage {
    pthread_mutex_t lock;
    struct shortage_type *types; /* under lock; owned */
    size_t waiting_max;          /* threads that wait for one type; fixed after start */
    _Atomic size_t short_count;  /* types of which the last job could not be started */
};

/* For a worker of so many threads: half of them, and at least one, may wait for one type. */
void shortage_init(struct shortage *shortage, size_t thread_count);
void shortage_fini(struct shortage *shortage); /* when no thread uses it any more */

/* A job of this type cannot be started, for this reason. `type` is borrowed until the end. */
void shortage_note(struct shortage *shortage, const char *type, const char *queue,
                   const char *reason);

/* False: the thread is not to wait, since enough of them do, or one did in vain, and no job of the
 * type has been started since. True: to be followed by shortage_leave(). After shortage_note(). */
bool shortage_enter(struct shortage *shortage, const char *type);
void shortage_leave(struct shortage *shortage, const char *type, bool is_in_vain);

/* How long a job is to be put off: 1 s, then twice as much each time that it was in vain, up to
 * 30 s. After shortage_note(). */
int64_t shortage_delay_ms(struct shortage *shortage, const char *type);

/* A job of the type has been started. To be called where shortage_is_known(). */
void shortage_end(struct shortage *shortage, const char *type);

static inline bool shortage_is_known(struct shortage *shortage)
{
    return atomic_load_explicit(&shortage->short_count, memory_order_relaxed) > 0;
}

#endif
