/* JSON strings and numbers as values: decodes what the scanner found, and writes them. */
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/parse.h"
#include "base/printable.h"

/* The letters of escapes, and the bytes they mean. */
static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";

static size_t encode_utf8(unsigned code, char out[4])
{
    size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = count - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(marks[count] | code);
    return count;
}

/* At a backslash: writes what the escape means (a surrogate pair counts as one), moves *at past it,
 * and returns how many bytes it wrote. */
static size_t decode_escape(const char **at, const char *end, char out[4])
{
    char letter = (*at)[1];
    *at += 2;
    if (letter != 'u') {
        const char *found = memchr(letters, letter, sizeof letters - 1);
        out[0] = letter;
        if (found)
            out[0] = controls[found - letters];
        return 1;
    }
    const unsigned char *limit = (const unsigned char *)end;
    unsigned unit = (unsigned)json_scan_unit((const unsigned char *)*at, limit);
    *at += 4;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        unsigned low = (unsigned)json_scan_unit((const unsigned char *)*at + 2, limit);
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    return encode_utf8(unit, out);
}

void json_decode_string(struct slice quoted, struct buf *out)
{
    const char *at = quoted.ptr + 1, *end = quoted.ptr + quoted.len - 1;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        char decoded[4];
        buf_append(out, at, (size_t)((escape ? escape : end) - at));
        at = escape ? escape : end;
        if (escape)
            buf_append(out, decoded, decode_escape(&at, end, decoded));
    }
}

bool json_string_is(struct slice quoted, const char *text)
{
    const char *at = quoted.ptr + 1, *end = quoted.ptr + quoted.len - 1;
    size_t left = strlen(text);
    while (at < end) {
        char decoded[4] = {*at};
        size_t count = 1;
        if (*at == '\\')
            count = decode_escape(&at, end, decoded);
        else
            at++;
        if (count > left || memcmp(text, decoded, count) != 0)
            return false;
        text += count;
        left -= count;
    }
    return left == 0;
}

enum status json_read_int(struct json_value value, int64_t min, int64_t max, int64_t *out,
                          struct err *err)
{
    if (value.type != JSON_NUMBER)
        return err_set(err, ST_INVALID, "is not a number");
    bool is_zero = slice_is(value.text, "-0");
    return parse_int(is_zero ? slice_of("0") : value.text, min, max, out, err);
}

static void append_escape(struct buf *out, unsigned code)
{
    const char *found = code < 0x80 ? memchr(controls, (int)code, sizeof controls - 1) : NULL;
    char pair[2] = {'\\', (char)code};
    if (found)
        pair[1] = letters[found - controls];
    if (found || code == '"' || code == '\\')
        buf_append(out, pair, sizeof pair);
    else
        buf_printf(out, "\\u%04x", code);
}

/* How many bytes of text from `from` on can go into a JSON string unchanged. */
static size_t plain_length(struct slice text, size_t from)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t at = from;
    unsigned code;
    while (at < text.len && bytes[at] != '"' && bytes[at] != '\\') {
        bool is_plain = bytes[at] >= 0x20 && bytes[at] < 0x7f;
        size_t count = is_plain ? 1 : json_scan_utf8_length(bytes + at, bytes + text.len);
        if (count == 0 || (!is_plain && printable_control(text.ptr + at, text.len - at, &code) > 0))
            break;
        at += count;
    }
    return at - from;
}

size_t json_append_string(struct buf *out, struct slice text)
{
    size_t replaced = 0;
    buf_append_char(out, '"');
    for (size_t at = 0; at < text.len; at++) {
        size_t plain = plain_length(text, at);
        buf_append(out, text.ptr + at, plain);
        at += plain;
        if (at == text.len)
            break;
        unsigned code = (unsigned char)text.ptr[at];
        size_t control = printable_control(text.ptr + at, text.len - at, &code);
        if (control > 0 || code < 0x80)
            append_escape(out, code);
        else
            buf_append_text(out, "\xef\xbf\xbd"); /* U+FFFD */
        replaced += control == 0 && code >= 0x80;
        at += control > 1 ? control - 1 : 0;
    }
    buf_append_char(out, '"');
    return replaced;
}
