/* reply - reads a reply from Redis without trusting its shape.
 *
 * A reply is a tree, owned by the one who received it (reply_free()). Accessors never read out of
 * bounds: for a wrong type or a missing element they return NULL, an empty slice or the given
 * default, and callers turn that into ST_PROTOCOL. Callers see error replies only inside arrays:
 * conn turns others into statuses. Any thread, one at a time. */
#ifndef DARG_REDIS_REPLY_H
#define DARG_REDIS_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct reply; /* hiredis's redisReply */

void reply_free(struct reply *reply); /* NULL is fine */

bool reply_is_nil(const struct reply *reply); /* nil, or NULL */
bool reply_is_array(const struct reply *reply);
bool reply_is_string(const struct reply *reply); /* bulk or status string */
bool reply_is_int(const struct reply *reply);

/* number of elements; 0: not an array */
size_t reply_count(const struct reply *reply);
const struct reply *reply_at(const struct reply *reply, size_t index); /* borrowed, or NULL */

struct slice reply_slice(const struct reply *reply); /* a string's bytes; {NULL, 0} otherwise */
/* The value of an integer, or of a string that is a whole number; otherwise fallback. */
int64_t reply_int(const struct reply *reply, int64_t fallback);
/* The score of a sorted set as a time in ms, whatever somebody has put there: times before 1970,
 * and "-inf", are 0; "inf" is REPLY_TIME_MAX; part of a millisecond counts as a whole one. Not a
 * number: fallback. */
#define REPLY_TIME_MAX (INT64_C(1) << 53)
int64_t reply_time_ms(const struct reply *score, int64_t fallback);

/* The text of an error reply, which callers see inside arrays only; {NULL, 0} otherwise. */
struct slice reply_error(const struct reply *reply);

#endif
