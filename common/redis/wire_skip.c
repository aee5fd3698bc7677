#include "redis/wire_skip.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/parse.h"

enum { HEAD_MAX = 16, LENGTH_DIGITS = 10 }; /* of "$LENGTH\r\n" */

bool wire_skip_is_active(const struct wire_skip *skip)
{
    return skip->is_wanted || skip->left > 0;
}

static struct slice unread(const redisReader *reader)
{
    return (struct slice){reader->buf + reader->pos, reader->len - reader->pos};
}

/* Reads "$LENGTH\r\n". False: the reply begins with something else. */
static bool read_head(struct slice line, int64_t *length)
{
    struct slice digits = {line.ptr + 1, line.len - strlen("$\r\n")};
    return line.len > strlen("$\r\n") && line.ptr[0] == '$' &&
           parse_digits(digits, LENGTH_DIGITS, length) == digits.len;
}

/* False: the first line has not come whole yet. */
static bool begin(struct wire_skip *skip, redisReader *reader)
{
    struct slice text = unread(reader);
    const char *end = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
    if (end == NULL && text.len < HEAD_MAX && (text.len == 0 || text.ptr[0] == '$'))
        return false;
    struct slice line = {text.ptr, end == NULL ? 0 : (size_t)(end - text.ptr) + 1};
    int64_t length;
    skip->is_wanted = false;
    if (read_head(line, &length)) {
        reader->pos += line.len;
        skip->left = (size_t)length + strlen("\r\n");
    }
    return true;
}

bool wire_skip_pass(struct wire_skip *skip, redisReader *reader)
{
    static const char empty[] = "$0\r\n\r\n";
    if (skip->is_wanted && !begin(skip, reader))
        return false;
    if (skip->left == 0)
        return true;
    size_t count = unread(reader).len;
    count = count < skip->left ? count : skip->left;
    reader->pos += count;
    skip->left -= count;
    if (skip->left == 0)
        ensure(redisReaderFeed(reader, empty, strlen(empty)) == REDIS_OK, "out of memory");
    return true;
}
