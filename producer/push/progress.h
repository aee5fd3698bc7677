/* progress - one line on the terminal that shows the progress of a bulk push. */
#ifndef DARG_PRODUCER_PUSH_PROGRESS_H
#define DARG_PRODUCER_PUSH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool is_on;
    bool is_drawn; /* there is a line to clear */
    int64_t start_ms, drawn_ms;
    int64_t total_bytes; /* of the input; 0: unknown */
};

/* Switched on if is_wanted and standard error is a terminal; input_fd gives the total. */
void progress_init(struct progress *progress, int input_fd, bool is_wanted);

/* Redraws the line, at most ten times a second. */
void progress_draw(struct progress *progress, int64_t jobs, int64_t bytes);

/* Removes the line, before something else is printed. */
void progress_clear(struct progress *progress);

#endif
