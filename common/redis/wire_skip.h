/* wire_skip - throws away the text of an answer as it comes, so that one of any size takes no
 * memory.
 *
 * hiredis keeps a string until it has come whole. Here its bytes are passed over in the reader's
 * buffer, and an empty string is put in its place. Any other answer is left to hiredis. Part of
 * wire; belongs to the wire's thread. */
#ifndef DARG_REDIS_WIRE_SKIP_H
#define DARG_REDIS_WIRE_SKIP_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct wire_skip {
    bool is_wanted; /* the next answer is to be looked at, and nothing of it was yet */
    size_t left;    /* bytes of its text that are still to come, with the line's end behind them */
};

/* True while an answer is being passed over, or may have to be: its bytes do not count. */
bool wire_skip_is_active(const struct wire_skip *skip);

/* Looks at what has come. False: nothing can be told yet, and hiredis is not to see it. */
bool wire_skip_pass(struct wire_skip *skip, redisReader *reader);

#endif
