/* input - reads lines from a descriptor, fast and in a fixed amount of memory.
 *
 * Bytes are read into one buffer and lines are handed out in place. A line ends at a newline or at
 * the end of the input; a carriage return before it belongs to the line. One thread. */
#ifndef DARG_PRODUCER_PUSH_INPUT_H
#define DARG_PRODUCER_PUSH_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct input {
    int fd;
    char *buffer; /* owned */
    size_t capacity;
    size_t start, end;  /* bytes not yet handed out */
    size_t scanned;     /* bytes after start known to hold no newline */
    bool is_at_end;     /* nothing more can be read */
    bool is_discarding; /* in the rest of a line that was too long */
    size_t max_line;
    int64_t line;       /* number of the line handed out last, from 1 */
    int64_t bytes_read; /* in all */
};

void input_init(struct input *input, int fd, size_t max_line);
void input_fini(struct input *input);

/* The next line of what has been read. INPUT_LINE: *line is valid until the next call of
 * input_fill(). INPUT_TOO_LONG: a line of more than max_line bytes was skipped. INPUT_MORE:
 * input_fill() is needed. INPUT_END: there are no more. */
enum input_next { INPUT_LINE, INPUT_TOO_LONG, INPUT_MORE, INPUT_END };
enum input_next input_next(struct input *input, struct slice *line);

/* True if a read would not block. */
bool input_is_ready(const struct input *input);

/* Reads once (blocks if there is nothing). ST_OK even if a signal came first. */
MUST_CHECK enum status input_fill(struct input *input, struct err *err);

#endif
