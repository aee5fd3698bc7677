/* buf - bytes: a slice that borrows them, and a buffer that owns them and grows.
 *
 * A slice is a pointer into memory that somebody else owns, and a length; it is not terminated. A
 * buf owns its memory; `struct buf b = {0}` is an empty one. Allocation failure ends the program
 * through ensure(): a job system that cannot allocate a few KiB cannot work properly any more, and
 * every job it holds is recovered when its lease expires. Limits on outside input are checked
 * before appending. */
#ifndef DARG_BASE_BUF_H
#define DARG_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct slice {
    const char *ptr; /* NULL only when len is 0 */
    size_t len;      /* bytes */
};

/* The slice of a string literal or any terminated string. */
struct slice slice_of(const char *text);

/* True if the slice holds exactly the bytes of the terminated string. */
bool slice_is(struct slice slice, const char *text);

/* True if both hold the same bytes. */
bool slice_equal(struct slice a, struct slice b);

/* Writes the number in decimal into `space`; the slice points there. */
enum { INT_TEXT_MAX = 20 };
struct slice slice_of_int(int64_t value, char space[INT_TEXT_MAX]);

/* A terminated copy on the heap; free() it. The slice must not contain a NUL. */
char *slice_dup(struct slice slice);

/* Writes a terminated copy into out, cut to size - 1 bytes. */
void slice_copy(struct slice slice, char *out, size_t size);

struct buf {
    char *ptr;       /* owned; ends with a NUL that len does not count; NULL if never used */
    size_t len;      /* bytes used */
    size_t capacity; /* bytes allocated */
};

void buf_fini(struct buf *buf);                 /* frees; the buf is empty and usable again */
void buf_clear(struct buf *buf);                /* empties, keeps the memory */
void buf_reserve(struct buf *buf, size_t more); /* makes room for `more` bytes */
void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_append_slice(struct buf *buf, struct slice slice);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_append_int(struct buf *buf, int64_t value); /* decimal */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_consume(struct buf *buf, size_t len); /* drops the first len bytes, moving the rest */
const char *buf_text(const struct buf *buf);   /* terminated; "" when empty; borrowed */
struct slice buf_slice(const struct buf *buf); /* borrowed, valid until the next append */
char *buf_take(struct buf *buf);               /* hands over the terminated memory; free() it */

/* Like malloc(), but end the program instead of returning NULL, and check sizes for overflow. */
void *mem_new(size_t size);                 /* zeroed; free() */
void *mem_array(size_t count, size_t size); /* zeroed; free() */
char *mem_dup(const char *text);            /* NULL in, NULL out; free() */

#endif
