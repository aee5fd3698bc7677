/* A struct reply is a redisReply seen through an opaque name, so that no module above can look into
 * one without the checks here. Only RESP2 types are accepted: we never request RESP3, so any other
 * type is simply the wrong one. */
#include "redis/reply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "redis/reply_build.h"

static const redisReply *raw(const struct reply *reply)
{
    return (const redisReply *)reply;
}

static int type_of(const struct reply *reply)
{
    return reply == NULL ? REDIS_REPLY_NIL : raw(reply)->type;
}

void reply_free(struct reply *reply)
{
    if (reply != NULL)
        reply_functions.freeObject(reply);
}

bool reply_is_nil(const struct reply *reply)
{
    return type_of(reply) == REDIS_REPLY_NIL;
}

bool reply_is_array(const struct reply *reply)
{
    return type_of(reply) == REDIS_REPLY_ARRAY;
}

bool reply_is_string(const struct reply *reply)
{
    int type = type_of(reply);
    return type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS;
}

bool reply_is_int(const struct reply *reply)
{
    return type_of(reply) == REDIS_REPLY_INTEGER;
}

size_t reply_count(const struct reply *reply)
{
    return reply_is_array(reply) ? raw(reply)->elements : 0;
}

const struct reply *reply_at(const struct reply *reply, size_t index)
{
    if (index >= reply_count(reply))
        return NULL;
    return (const struct reply *)raw(reply)->element[index];
}

struct slice reply_slice(const struct reply *reply)
{
    if (!reply_is_string(reply))
        return (struct slice){NULL, 0};
    return (struct slice){raw(reply)->str, raw(reply)->len};
}

int64_t reply_int(const struct reply *reply, int64_t fallback)
{
    if (reply_is_int(reply))
        return raw(reply)->integer;
    int64_t value = fallback;
    if (reply_is_string(reply) &&
        parse_int(reply_slice(reply), INT64_MIN, INT64_MAX, &value, NULL) != ST_OK)
        return fallback;
    return value;
}

int64_t reply_time_ms(const struct reply *score, int64_t fallback)
{
    char text[64], *end = text;
    struct slice slice = reply_slice(score);
    if (slice.len == 0 || slice.len >= sizeof text)
        return fallback;
    memcpy(text, slice.ptr, slice.len);
    text[slice.len] = 0;
    double value = strtod(text, &end);
    if (end == text || isnan(value))
        return fallback;
    if (value >= (double)REPLY_TIME_MAX)
        return REPLY_TIME_MAX;
    int64_t whole_ms = value > 0 ? (int64_t)value : 0;
    return whole_ms + ((double)whole_ms < value);
}

struct slice reply_error(const struct reply *reply)
{
    if (type_of(reply) != REDIS_REPLY_ERROR)
        return (struct slice){NULL, 0};
    return (struct slice){raw(reply)->str, raw(reply)->len};
}
