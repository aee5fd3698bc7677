/* Compares the protocol versions of a queue's workers with ours. */
#include "worker/keeper/keeper_state.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/presence.h"

enum {
    LOOK_MS = 10 * 1000,
    ASKED_MAX = 8, /* workers per look: renewing must not wait; all get their turn */
};

/* Finds P in "P.generation"; false: not the name of a worker. */
static bool process_of(const char *worker, char out[LEASE_NAME_MAX + 1])
{
    const char *dot = strrchr(worker, '.');
    if (!dot)
        return false;
    memcpy(out, worker, (size_t)(dot - worker));
    out[dot - worker] = 0;
    return true;
}

static void say(struct ward *ward, const char *process, int64_t protocol)
{
    ward->has_met_newer = true;
    log_fields(LOG_WARN,
               "a worker of this queue uses a newer protocol: upgrade this one, which may not "
               "understand what the newer one stores",
               LOG_STR("queue", fetcher_queue(ward->fetcher)->name), LOG_STR("process", process),
               LOG_INT("its_protocol", protocol), LOG_INT("protocol", LEASE_PROTOCOL));
}

void keeper_compare_protocols(struct keeper *self, struct ward *ward)
{
    const struct lease_state *state = ward->state;
    char process[LEASE_NAME_MAX + 1];
    int64_t now_ms = clock_mono_ms();
    if (ward->has_met_newer || (ward->compared_ms != 0 && now_ms - ward->compared_ms < LOOK_MS))
        return;
    ward->compared_ms = now_ms;
    for (size_t asked = 0; asked < ASKED_MAX && asked < state->peer_count; asked++) {
        const char *worker = state->peers[ward->next_peer++ % state->peer_count].worker;
        struct err err = {0};
        int64_t protocol = 0;
        if (ward->has_met_newer || !process_of(worker, process) ||
            strcmp(process, self->options.process) == 0)
            continue;
        /* For information only: without the right to read it the work goes on. */
        if (presence_protocol(self->conn, self->options.namespace, process, &protocol, &err) !=
            ST_OK)
            return;
        if (protocol > LEASE_PROTOCOL)
            say(ward, process, protocol);
    }
}
