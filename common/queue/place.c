#include "queue/place.h"

#define KEY(field) offsetof(struct queue, field)

static const struct place places[] = {
    {PLACE_SCHEDULED, PLACE_ZSET, KEY(scheduled)},
    {PLACE_WAITING, PLACE_LIST, KEY(jobs)},
    {PLACE_WAITING, PLACE_LIST, KEY(inbox)},
    {PLACE_WAITING, PLACE_LIST, KEY(suspects)},
    {PLACE_HELD, PLACE_HOLDERS_ZSET, KEY(workers)},
    {PLACE_HELD, PLACE_HOLDERS_SET, KEY(reaped)},
    {PLACE_DEAD, PLACE_ZSET, KEY(dead)},
};

const struct place *place_at(size_t i)
{
    return i < sizeof places / sizeof places[0] ? &places[i] : NULL;
}

const char *place_key(const struct place *place, const struct queue *queue)
{
    return *(char *const *)((const char *)queue + place->key);
}

const char *place_state_name(int state)
{
    switch (state) {
    case PLACE_SCHEDULED:
        return "scheduled";
    case PLACE_WAITING:
        return "waiting";
    case PLACE_HELD:
        return "held";
    default:
        return "dead";
    }
}
