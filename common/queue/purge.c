#include "queue/purge.h"

#include "queue/scripts.h"

enum { PURGE_MAX = 8 }; /* places that hold jobs */

/* Keys of the places that are meant, and each one's state. */
static size_t places_of(const struct queue *queue, int states, const char **keys, int *of)
{
    const struct place *place;
    size_t count = 0;
    for (size_t i = 0; (place = place_at(i)) != NULL; i++) {
        if (!(place->state & states) || !place_holds_jobs(place))
            continue;
        ensure(count < PURGE_MAX, "%zu places", count);
        keys[count] = place_key(place, queue);
        of[count++] = place->state;
    }
    return count;
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
    struct request request = {0};
    struct reply *reply = NULL;
    const char *keys[PURGE_MAX];
    int of[PURGE_MAX] = {0};
    size_t count = places_of(queue, states, keys, of);
    *purged = (struct purged){0};
    script_begin(&request, &script_purge, script_purge.key_count + (int)count);
    request_add_text(&request, queue->counts);
    for (size_t i = 0; i < count; i++)
        request_add_text(&request, keys[i]);
    enum status status = script_call(conn, &script_purge, &request, &reply, err);
    request_fini(&request);
    if (status == ST_OK && reply_count(reply) != count)
        status = err_set(err, ST_PROTOCOL, "Redis answered \"purge\" with something unexpected");
    if (status == ST_OK)
        read_purged(reply, of, purged);
    reply_free(reply);
    return status;
}
