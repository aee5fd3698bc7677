/* The last thread to end sets a wake, and that is what is waited for: pthread_join() knows no time
 * limit, and a handler may hold its thread for ever. */
#include "worker/flow/crew.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

struct crew_member {
    struct crew *crew;
    size_t index;
    pthread_t thread;
};

enum status crew_init(struct crew *crew, size_t capacity, crew_run run, void *owner,
                      struct err *err)
{
    *crew = (struct crew){.run = run, .owner = owner, .capacity = capacity};
    crew->members = mem_array(capacity, sizeof *crew->members);
    return wake_init(&crew->ended, err);
}

static void *crew_main(void *argument)
{
    struct crew_member *self = argument;
    struct crew *crew = self->crew;
    char name[16];
    snprintf(name, sizeof name, "pool-%zu", self->index);
    pthread_setname_np(pthread_self(), name);
    crew->run(crew->owner, self->index);
    if (atomic_fetch_sub(&crew->running, 1) == 1)
        wake_set(&crew->ended);
    return NULL;
}

enum status crew_start(struct crew *crew, struct err *err)
{
    struct crew_member *member = &crew->members[crew->started];
    *member = (struct crew_member){.crew = crew, .index = crew->started};
    /* Counted before it runs: it may end before this function does. */
    atomic_fetch_add(&crew->running, 1);
    int failed = pthread_create(&member->thread, NULL, crew_main, member);
    if (failed) {
        atomic_fetch_sub(&crew->running, 1);
        return err_system(err, failed, "cannot start thread %zu of %zu", crew->started + 1,
                          crew->capacity);
    }
    crew->started++;
    return ST_OK;
}

bool crew_join(struct crew *crew, int64_t timeout_ms)
{
    if (!wake_wait(&crew->ended, timeout_ms))
        return false;
    for (size_t i = 0; i < crew->started; i++)
        pthread_join(crew->members[i].thread, NULL);
    return true;
}

void crew_fini(struct crew *crew)
{
    wake_fini(&crew->ended);
    free(crew->members);
}
