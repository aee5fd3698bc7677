#include "base/json_writer.h"

#include "base/json.h"
#include "base/printable.h"

void json_writer_fini(struct json_writer *writer)
{
    buf_fini(&writer->out);
    writer->is_behind = false;
}

static struct buf *begin(struct json_writer *writer, const char *name)
{
    if (writer->is_behind)
        buf_append_char(&writer->out, ',');
    if (name != NULL) {
        buf_append_char(&writer->out, '"');
        buf_append_text(&writer->out, name);
        buf_append_text(&writer->out, "\":");
    }
    writer->is_behind = true;
    return &writer->out;
}

static void open_level(struct json_writer *writer, const char *name, char bracket)
{
    buf_append_char(begin(writer, name), bracket);
    writer->is_behind = false;
}

static void close_level(struct json_writer *writer, char bracket)
{
    buf_append_char(&writer->out, bracket);
    writer->is_behind = true;
}

void json_open_object(struct json_writer *writer, const char *name)
{
    open_level(writer, name, '{');
}

void json_close_object(struct json_writer *writer)
{
    close_level(writer, '}');
}

void json_open_array(struct json_writer *writer, const char *name)
{
    open_level(writer, name, '[');
}

void json_close_array(struct json_writer *writer)
{
    close_level(writer, ']');
}

void json_put_text(struct json_writer *writer, const char *name, struct slice text)
{
    (void)json_append_string(begin(writer, name), text);
}

void json_put_int(struct json_writer *writer, const char *name, int64_t value)
{
    buf_append_int(begin(writer, name), value);
}

void json_put_bool(struct json_writer *writer, const char *name, bool value)
{
    buf_append_text(begin(writer, name), value ? "true" : "false");
}

void json_put_null(struct json_writer *writer, const char *name)
{
    buf_append_text(begin(writer, name), "null");
}

/* ASCII control characters can only be between tokens, where they are white space. Others, and DEL,
 * can only be in strings, where they can be escaped. */
void json_put_raw(struct json_writer *writer, const char *name, struct slice json)
{
    struct buf *out = begin(writer, name);
    size_t plain = 0, count;
    unsigned code;
    for (size_t i = 0; i < json.len;) {
        count = printable_control(json.ptr + i, json.len - i, &code);
        i += count > 0 ? count : 1;
        if (count == 0)
            continue;
        buf_append(out, json.ptr + plain, i - count - plain);
        if (code < 0x20)
            buf_append_char(out, ' ');
        else
            buf_printf(out, "\\u%04x", code);
        plain = i;
    }
    buf_append(out, json.ptr + plain, json.len - plain);
}
