#include "producer/push/input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not stdio: getline() takes a line of any length into memory, and poll() does not see what stdio
 * has read already. */
enum { READ_BYTES = 1 << 20 };

void input_init(struct input *input, int fd, size_t max_line)
{
    size_t capacity = max_line + READ_BYTES;
    *input = (struct input){
        .fd = fd, .buffer = mem_new(capacity), .capacity = capacity, .max_line = max_line};
}

void input_fini(struct input *input)
{
    free(input->buffer);
    *input = (struct input){0};
}

/* There is no newline in what was read: the line goes on, was the last one, or is already too
 * long. */
static enum input_next without_newline(struct input *input, struct slice *line)
{
    size_t len = input->end - input->start;
    input->scanned = len;
    if (input->is_discarding || len > input->max_line) {
        bool is_first = !input->is_discarding;
        input->is_discarding = !input->is_at_end;
        input->start = input->end = input->scanned = 0;
        input->line += is_first;
        return is_first ? INPUT_TOO_LONG : input->is_at_end ? INPUT_END : INPUT_MORE;
    }
    if (!input->is_at_end)
        return INPUT_MORE;
    if (len == 0)
        return INPUT_END;
    *line = (struct slice){input->buffer + input->start, len};
    input->start = input->end;
    input->scanned = 0;
    input->line++;
    return INPUT_LINE;
}

enum input_next input_next(struct input *input, struct slice *line)
{
    for (;;) {
        char *from = input->buffer + input->start;
        size_t len = input->end - input->start;
        char *newline = memchr(from + input->scanned, '\n', len - input->scanned);
        if (newline == NULL)
            return without_newline(input, line);
        input->start += (size_t)(newline - from) + 1;
        input->scanned = 0;
        if (input->is_discarding) {
            input->is_discarding = false;
            continue;
        }
        input->line++;
        *line = (struct slice){from, (size_t)(newline - from)};
        return line->len > input->max_line ? INPUT_TOO_LONG : INPUT_LINE;
    }
}

bool input_is_ready(const struct input *input)
{
    struct pollfd item = {.fd = input->fd, .events = POLLIN};
    return poll(&item, 1, 0) != 0;
}

enum status input_fill(struct input *input, struct err *err)
{
    if (input->start > 0) {
        memmove(input->buffer, input->buffer + input->start, input->end - input->start);
        input->end -= input->start;
        input->start = 0;
    }
    ssize_t n = read(input->fd, input->buffer + input->end, input->capacity - input->end);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        return err_system(err, errno, "cannot read standard input");
    input->is_at_end = n == 0;
    if (n > 0) {
        input->end += (size_t)n;
        input->bytes_read += n;
    }
    return ST_OK;
}
