#include "worker/flow/shortage.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "job/retry.h"

/* LEVEL_MAX is far above the level at which the delay is longest */
enum { SILENCE_MS = 60 * 1000, LEVEL_MAX = 10 };

/* All under the lock. A list will do: it has only types that could not be started at least once. */
struct shortage_type {
    struct shortage_type *next;
    const char *name; /* borrowed; the same pointer for the same type */
    bool is_short;    /* the last job could not be started */
    bool is_in_vain;  /* a thread has waited as long as it may since one was started */
    size_t waiting;   /* threads */
    int64_t said_ms;  /* monotonic; 0: never */
    int64_t waits;    /* jobs that could not be started since then */
    int64_t level;    /* how often the delay has grown, plus one; 0: nothing was put off */
    int64_t grow_ms;  /* monotonic: when the delay grows next */
};

static const struct retry_backoff delays = {.first_ms = 1000, .limit_ms = 30000};

void shortage_init(struct shortage *shortage, size_t thread_count)
{
    *shortage = (struct shortage){.waiting_max = thread_count > 1 ? thread_count / 2 : 1};
    pthread_mutex_init(&shortage->lock, NULL);
}

void shortage_fini(struct shortage *shortage)
{
    while (shortage->types) {
        struct shortage_type *first = shortage->types;
        shortage->types = first->next;
        free(first);
    }
    pthread_mutex_destroy(&shortage->lock);
}

static struct shortage_type *find_locked(struct shortage *shortage, const char *name)
{
    struct shortage_type *type = shortage->types;
    while (type && type->name != name)
        type = type->next;
    return type;
}

static struct shortage_type *make_locked(struct shortage *shortage, const char *name)
{
    struct shortage_type *type = find_locked(shortage, name);
    if (type)
        return type;
    type = mem_new(sizeof *type);
    *type = (struct shortage_type){.name = name, .next = shortage->types};
    shortage->types = type;
    return type;
}

/* How many jobs the next log line should report; 0: nothing is to be logged now. */
static int64_t count_locked(struct shortage_type *type, int64_t now_ms)
{
    type->waits++;
    if (type->said_ms != 0 && now_ms - type->said_ms < SILENCE_MS)
        return 0;
    int64_t waits = type->waits;
    type->said_ms = now_ms;
    type->waits = 0;
    return waits;
}

void shortage_note(struct shortage *shortage, const char *type, const char *queue,
                   const char *reason)
{
    pthread_mutex_lock(&shortage->lock);
    struct shortage_type *found = make_locked(shortage, type);
    if (!found->is_short)
        atomic_fetch_add(&shortage->short_count, 1);
    found->is_short = true;
    int64_t waits = count_locked(found, clock_mono_ms());
    pthread_mutex_unlock(&shortage->lock);
    if (waits > 0)
        log_fields(LOG_WARN, "jobs wait: the worker lacks the resources to start them",
                   LOG_STR("type", type), LOG_STR("queue", queue), LOG_INT("waits", waits),
                   LOG_STR("error", reason));
}

bool shortage_enter(struct shortage *shortage, const char *type)
{
    pthread_mutex_lock(&shortage->lock);
    struct shortage_type *found = make_locked(shortage, type);
    bool may_wait = !found->is_in_vain && found->waiting < shortage->waiting_max;
    found->waiting += may_wait;
    pthread_mutex_unlock(&shortage->lock);
    return may_wait;
}

void shortage_leave(struct shortage *shortage, const char *type, bool is_in_vain)
{
    pthread_mutex_lock(&shortage->lock);
    struct shortage_type *found = make_locked(shortage, type);
    found->waiting--;
    found->is_in_vain = found->is_in_vain || is_in_vain;
    pthread_mutex_unlock(&shortage->lock);
}

int64_t shortage_delay_ms(struct shortage *shortage, const char *type)
{
    uint64_t random = id_jitter(UINT64_MAX);
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&shortage->lock);
    struct shortage_type *found = make_locked(shortage, type);
    if (found->level == 0 || (now_ms >= found->grow_ms && found->level < LEVEL_MAX)) {
        found->level++;
        found->grow_ms = now_ms + retry_delay_ms(&delays, found->level, 0);
    }
    int64_t delay_ms = retry_delay_ms(&delays, found->level, random);
    pthread_mutex_unlock(&shortage->lock);
    return delay_ms;
}

void shortage_end(struct shortage *shortage, const char *type)
{
    pthread_mutex_lock(&shortage->lock);
    struct shortage_type *found = find_locked(shortage, type);
    if (found && found->is_short) {
        atomic_fetch_sub(&shortage->short_count, 1);
        found->is_short = found->is_in_vain = false;
        found->level = 0;
    }
    pthread_mutex_unlock(&shortage->lock);
}
