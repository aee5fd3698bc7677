#include "queue/purge.h"

#include "queue/scripts.h"

enum { PURGE_MAX = 8 }; /* places that hold jobs */

/* Keys of the chosen places, and the state of each. */
static void add_places(struct request *keys, const struct queue *queue, int states, int *of)
{
    const struct place *place;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++) {
        if (!(place->state & states) || !place_holds_jobs(place))
            continue;
        ensure(keys->count < PURGE_MAX, "%zu places", keys->count);
        of[keys->count] = place->state;
        request_add_text(keys, place_key(place, queue));
    }
}

static void read_purged(const struct reply *reply, const int *of, struct purged *purged)
{
    for (size_t i = 0; i < reply_count(reply); i++) {
        int64_t *count = of[i] == PLACE_WAITING     ? &purged->waiting
                         : of[i] == PLACE_SCHEDULED ? &purged->scheduled
                                                    : &purged->dead;
        *count += reply_int(reply_at(reply, i), 0);
    }
}

enum status purge_queue(struct conn *conn, const struct queue *queue, int states,
                        struct purged *purged, struct err *err)
{
    struct request request = {0}, places = {0};
    struct reply *reply = NULL;
    int of[PURGE_MAX] = {0};
    add_places(&places, queue, states, of);
    size_t count = places.count;
    *purged = (struct purged){0};
    script_purge_begin(&request,
                       &(struct script_purge_call){.counts = queue->counts, .place = &places});
    request_fini(&places);
    enum status status = script_call(conn, &script_purge, &request, &reply, err);
    request_fini(&request);
    if (status == ST_OK && reply_count(reply) != count)
        status = err_set(err, ST_PROTOCOL, "Redis answered \"purge\" with something unexpected");
    if (status == ST_OK)
        read_purged(reply, of, purged);
    reply_free(reply);
    return status;
}
