#include "worker/keeper/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "queue/lease.h"

struct sighting {
    char worker[LEASE_NAME_MAX + 1];
    char score[LEASE_SCORE_MAX + 1]; /* server time: only compared, never computed with */
    int64_t since_ms;                /* monotonic: first seen with this score */
    int64_t seen_ms;                 /* monotonic: last seen */
};

struct watch {
    int64_t lease_ms;
    int64_t now_ms; /* monotonic: time of the current look; 0: none yet */
    char run_id[64];
    struct sighting *sightings;
    size_t count, capacity;
};

struct watch *watch_new(int64_t lease_ms)
{
    struct watch *watch = mem_new(sizeof *watch);
    watch->lease_ms = lease_ms;
    return watch;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    free(watch->sightings);
    free(watch);
}

/* A large registry is seen window by window, so an entry is kept for some rounds without being
 * seen. */
static void forget_old(struct watch *watch)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->count; i++)
        if (watch->now_ms - watch->sightings[i].seen_ms <= 4 * watch->lease_ms)
            watch->sightings[kept++] = watch->sightings[i];
    watch->count = kept;
}

void watch_look(struct watch *watch, int64_t now_ms, const char *run_id)
{
    /* After a gap in our looks, or on another run of the server, an unchanged score proves nothing:
     * the worker may have renewed unseen, or may not have been able to. */
    bool is_gap = watch->now_ms > 0 && now_ms - watch->now_ms > watch->lease_ms / 2;
    bool is_other_run = strcmp(watch->run_id, run_id) != 0 || !run_id[0];
    if (is_gap || (is_other_run && watch->now_ms > 0 && run_id[0]))
        watch->count = 0;
    watch->now_ms = now_ms;
    snprintf(watch->run_id, sizeof watch->run_id, "%s", run_id);
    forget_old(watch);
}

static struct sighting *find(struct watch *watch, const char *worker)
{
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->sightings[i].worker, worker) == 0)
            return &watch->sightings[i];
    return NULL;
}

static struct sighting *add(struct watch *watch, const char *worker)
{
    if (watch->count == watch->capacity) {
        size_t capacity = watch->capacity ? watch->capacity * 2 : 16;
        struct sighting *grown = mem_array(capacity, sizeof *grown);
        if (watch->count)
            memcpy(grown, watch->sightings, watch->count * sizeof *grown);
        free(watch->sightings);
        watch->sightings = grown;
        watch->capacity = capacity;
    }
    struct sighting *sighting = &watch->sightings[watch->count++];
    *sighting = (struct sighting){.since_ms = watch->now_ms};
    snprintf(sighting->worker, sizeof sighting->worker, "%s", worker);
    return sighting;
}

bool watch_see(struct watch *watch, const char *worker, const char *score)
{
    struct sighting *sighting = find(watch, worker);
    if (!sighting)
        sighting = add(watch, worker);
    else if (strcmp(sighting->score, score) != 0)
        sighting->since_ms = watch->now_ms;
    snprintf(sighting->score, sizeof sighting->score, "%s", score);
    sighting->seen_ms = watch->now_ms;
    return watch->now_ms - sighting->since_ms >= watch->lease_ms;
}
