/* Recovers the jobs of dead workers: those whose lease has expired, and those whose death the
 * supervisor has seen. */
#include "worker/keeper/keeper_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* If a worker was lost with its host, nobody knows what it was running, so every held job may be to
 * blame. */
static const struct lease_blame all_blamed = {.is_known = false};

/* False: not everything was recovered; call again. */
static bool reap(struct keeper *self, struct fetcher *fetcher, const char *worker,
                 const char *seen_score, const struct lease_blame *blame)
{
    const struct queue *queue = fetcher_queue(fetcher);
    int64_t moved = 0;
    struct lease_reaped step = {.outcome = LEASE_REAP_MORE};
    while (step.outcome == LEASE_REAP_MORE && self->reaps_left > 0) {
        struct err err = {0};
        self->reaps_left--;
        if (lease_reap(self->conn, queue, worker, seen_score, blame, &step, &err) != ST_OK) {
            keeper_note_failure(self, "cannot reap a dead worker", &err);
            step.outcome = LEASE_REAP_MORE;
            break;
        }
        moved += step.moved;
        if (step.suspects > 0)
            fetcher_tell_suspects(fetcher);
    }
    if (moved > 0 || step.outcome == LEASE_REAP_ENDED)
        log_fields(LOG_WARN, "recovered the jobs of a dead worker", LOG_STR("queue", queue->name),
                   LOG_STR("worker", worker), LOG_INT("jobs", moved));
    return step.outcome != LEASE_REAP_MORE;
}

void keeper_watch_peers(struct keeper *self, struct ward *ward, const struct lease *own)
{
    const struct lease_state *state = ward->state;
    watch_look(ward->watch, clock_mono_ms(), conn_run_id(self->conn));
    for (size_t i = 0; i < state->peer_count; i++) {
        const struct lease_peer *peer = &state->peers[i];
        if (strcmp(peer->worker, own->worker) != 0 &&
            watch_see(ward->watch, peer->worker, peer->score))
            (void)reap(self, ward->fetcher, peer->worker, peer->score, &all_blamed);
    }
    for (size_t i = 0; i < state->fenced_count; i++)
        (void)reap(self, ward->fetcher, state->fenced[i], NULL, &all_blamed);
    ward->window_start += LEASE_WINDOW;
    if (ward->window_start >= state->worker_count)
        ward->window_start = 0;
}

static bool is_name_of(const struct obituary *dead, uint64_t generation, const char *worker)
{
    char name[LEASE_NAME_MAX + 1];
    lease_name(dead->process, generation, name);
    return strcmp(name, worker) == 0;
}

/* Finds what the dead process was running or reading under the registration `worker` on queue
 * `slot`: those jobs are to blame. */
static void find_blamed(const struct obituary *dead, size_t slot, const char *worker,
                        int64_t *numbers, struct lease_blame *blame)
{
    size_t count = 0;
    for (size_t i = 0; i < load_thread_count(dead->load); i++) {
        struct load_activity activity = load_activity(dead->load, i);
        if ((activity.is_running || activity.is_reading) && activity.run.queue == slot &&
            is_name_of(dead, activity.run.generation, worker))
            numbers[count++] = activity.run.number;
    }
    struct load_claim claim = load_claim(dead->load, slot);
    *blame = (struct lease_blame){
        .is_known = true,
        .has_open_claim = claim.is_being_read && is_name_of(dead, claim.generation, worker),
        .open_base = claim.base,
        .numbers = numbers,
        .count = count,
    };
}

/* Reaps every registration that the dead process had on queue `slot`; false: try again. */
static bool reap_process(struct keeper *self, const struct obituary *dead, size_t slot)
{
    struct fetcher *fetcher = self->options.fetchers[slot];
    const struct queue *queue = fetcher_queue(fetcher);
    struct err err = {0};
    struct buf names = {0};
    size_t count = 0;
    enum status status = lease_find_process(self->conn, queue, dead->process, &names, &count, &err);
    if (status != ST_OK)
        keeper_note_failure(self, "cannot look for a dead process", &err);
    int64_t *numbers = mem_array(load_thread_count(dead->load), sizeof *numbers);
    bool is_reaped = status == ST_OK;
    const char *name = buf_text(&names);
    for (size_t i = 0; i < count; i++, name += strlen(name) + 1) {
        struct lease_blame blame;
        find_blamed(dead, slot, name, numbers, &blame);
        is_reaped = reap(self, fetcher, name, NULL, &blame) && is_reaped;
    }
    free(numbers);
    buf_fini(&names);
    return is_reaped;
}

void keeper_reap_dead(struct keeper *self)
{
    const struct keeper_options *options = &self->options;
    for (size_t i = 0; i < options->dead_count; i++) {
        bool is_reaped = !self->is_dead_reaped[i];
        for (size_t q = 0; is_reaped && q < options->fetcher_count; q++)
            is_reaped = reap_process(self, &options->dead[i], q);
        if (!is_reaped)
            continue;
        self->is_dead_reaped[i] = true;
        if (options->reaped_fd >= 0)
            dprintf(options->reaped_fd, "reaped %s\n", options->dead[i].process);
    }
}
