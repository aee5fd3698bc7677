/* wire_skip - discards the text of a reply as it comes, so that a reply of any size takes no
 * memory.
 *
 * hiredis stores a string until it has come whole. Here its bytes are removed from the reader's
 * buffer, and an empty string is put in its place. Any other reply is left to hiredis. Part of
 * wire; belongs to the wire's thread. */
#ifndef DARG_REDIS_WIRE_SKIP_H
#define DARG_REDIS_WIRE_SKIP_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct wire_skip {
    bool is_wanted; /* the next reply must be examined; nothing of it has been yet */
    size_t left;    /* bytes of its text, with the line end, that are still to come */
};

/* True while a reply is discarded, or may have to be: its bytes do not count. */
bool wire_skip_is_active(const struct wire_skip *skip);

/* Examines what has come. False: it is too little to tell, so hiredis must not see it yet. */
bool wire_skip_pass(struct wire_skip *skip, redisReader *reader);

#endif
