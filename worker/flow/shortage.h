/* shortage - types of jobs whose handlers cannot be started because the worker lacks resources
 * (memory, descriptors, processes). Decides how many threads wait for such a type and how long its
 * jobs are put off, so that jobs of other types go on, and logs it once a minute for each type. Any
 * thread. */
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
    _Atomic size_t short_count;  /* types whose last job could not be started */
};

/* thread_count: of the worker; half of its threads, and at least one, may wait for a single
 * type. */
void shortage_init(struct shortage *shortage, size_t thread_count);
void shortage_fini(struct shortage *shortage); /* when no thread uses it any more */

/* A job of this type cannot be started, for this reason. `type` is borrowed until
 * shortage_fini(). */
void shortage_note(struct shortage *shortage, const char *type, const char *queue,
                   const char *reason);

/* Call after shortage_note(). True: the thread may wait, and must call shortage_leave() afterwards.
 * False: it must not, because enough threads wait, or one has waited in vain and no job of the type
 * has been started since. */
bool shortage_enter(struct shortage *shortage, const char *type);
void shortage_leave(struct shortage *shortage, const char *type, bool is_in_vain);

/* Call after shortage_note(). How long to put a job off: 1 s, then twice as long each time that
 * this was in vain, up to 30 s. */
int64_t shortage_delay_ms(struct shortage *shortage, const char *type);

/* A job of the type has been started. Only needed if shortage_is_known(). */
void shortage_end(struct shortage *shortage, const char *type);

static inline bool shortage_is_known(struct shortage *shortage)
{
    return atomic_load_explicit(&shortage->short_count, memory_order_relaxed) > 0;
}

#endif
