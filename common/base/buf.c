#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

bool slice_is(struct slice slice, const char *text)
{
    return slice_equal(slice, slice_of(text));
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

char *slice_dup(struct slice slice)
{
    char *copy = mem_new(slice.len + 1);
    if (slice.len)
        memcpy(copy, slice.ptr, slice.len);
    return copy;
}

void slice_copy(struct slice slice, char *out, size_t size)
{
    size_t len = slice.len < size ? slice.len : size - 1;
    if (len)
        memcpy(out, slice.ptr, len);
    out[len] = 0;
}

void buf_fini(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->ptr)
        buf->ptr[0] = 0;
}

void buf_reserve(struct buf *buf, size_t more)
{
    size_t needed;
    bool is_too_large = __builtin_add_overflow(buf->len, more, &needed) ||
                        __builtin_add_overflow(needed, (size_t)1, &needed) || needed > SIZE_MAX / 2;
    ensure(!is_too_large, "a buffer of %zu bytes and %zu more", buf->len, more);
    if (needed <= buf->capacity)
        return;
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    /* Doubling keeps the cost of many appends linear. */
    while (capacity < needed)
        capacity *= 2;
    char *grown = realloc(buf->ptr, capacity);
    ensure(grown != NULL, "no memory for a buffer of %zu bytes", capacity);
    buf->ptr = grown;
    buf->capacity = capacity;
    buf->ptr[buf->len] = 0;
}

void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    buf_reserve(buf, len);
    if (len)
        memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    buf->ptr[buf->len] = 0;
}

void buf_append_slice(struct buf *buf, struct slice slice)
{
    buf_append(buf, slice.ptr, slice.len);
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

struct slice slice_of_int(int64_t value, char space[INT_TEXT_MAX])
{
    size_t at = INT_TEXT_MAX;
    /* Unsigned, because -INT64_MIN does not fit into an int64_t. */
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        space[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        space[--at] = '-';
    return (struct slice){space + at, INT_TEXT_MAX - at};
}

void buf_append_int(struct buf *buf, int64_t value)
{
    char space[INT_TEXT_MAX];
    buf_append_slice(buf, slice_of_int(value, space));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    buf_reserve(buf, 0);
    size_t room = buf->capacity - buf->len;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(buf->ptr + buf->len, room, format, args);
    va_end(args);
    ensure(len >= 0, "a text that cannot be formatted");
    /* Most texts fit the first time; only one that does not is formatted twice. */
    if ((size_t)len >= room) {
        buf_reserve(buf, (size_t)len);
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
    }
    va_end(again);
    buf->len += (size_t)len;
}

void buf_consume(struct buf *buf, size_t len)
{
    ensure(len <= buf->len, "%zu of %zu bytes", len, buf->len);
    if (len == 0)
        return;
    memmove(buf->ptr, buf->ptr + len, buf->len - len);
    buf->len -= len;
    buf->ptr[buf->len] = 0;
}

const char *buf_text(const struct buf *buf)
{
    return buf->ptr ? buf->ptr : "";
}

struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->ptr, buf->len};
}

char *buf_take(struct buf *buf)
{
    buf_reserve(buf, 0);
    char *text = buf->ptr;
    *buf = (struct buf){0};
    return text;
}

void *mem_new(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
    /* Never a size of 0, for which calloc() may return NULL although nothing is wrong. */
    void *memory = calloc(count ? count : 1, size ? size : 1);
    ensure(memory != NULL, "no memory for %zu times %zu bytes", count, size);
    return memory;
}

char *mem_dup(const char *text)
{
    return text ? slice_dup(slice_of(text)) : NULL;
}
