#include "base/flatten.h"

#include <string.h>

#include "base/json.h"
#include "base/printable.h"

void flatten_json(struct buf *out, struct slice json)
{
    size_t from = out->len;
    buf_append_slice(out, json);
    for (size_t i = from; i < out->len; i++)
        if (out->ptr[i] == '\n' || out->ptr[i] == '\r')
            out->ptr[i] = ' ';
}

void flatten_text(struct buf *text)
{
    struct buf quoted = {0};
    struct buf plain = {0};
    struct slice raw = buf_slice(text);
    for (; raw.len > 0 && (raw.ptr[0] & 0xc0) == 0x80; raw.len--)
        raw.ptr++;
    json_append_string(&quoted, raw);
    json_decode_string(buf_slice(&quoted), &plain);
    printable_make(plain.ptr, plain.len, ' ', "\n\t");
    struct slice rest = buf_slice(&plain);
    while (rest.len > 0 && strchr(" \t\n", rest.ptr[rest.len - 1]))
        rest.len--;
    for (; rest.len > 0 && strchr(" \t\n", rest.ptr[0]); rest.len--)
        rest.ptr++;
    buf_clear(text);
    buf_append_slice(text, rest);
    buf_fini(&plain);
    buf_fini(&quoted);
}
