#include "base/json_scan.h"

#include <string.h>

/* For each byte inside a string: 1 plain ASCII, 0 anything that needs a closer look. */
#define SIXTEEN 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
#define NONE 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
/* clang-format off */
static const unsigned char plain[256] = {
    NONE, NONE,
    1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* not the quote */
    SIXTEEN, SIXTEEN,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, /* not the backslash */
    SIXTEEN, SIXTEEN, /* the rest, beyond ASCII: 0 */
};
/* clang-format on */

const char json_scan_lone_surrogate[] = "a pair of surrogates";

bool json_scan_fail(struct json_scan *s, const char *expected)
{
    s->fault = expected;
    return false;
}

/* Rejects overlong forms, surrogates, and anything above U+10FFFF. */
size_t json_scan_utf8_length(const unsigned char *at, const unsigned char *end)
{
    unsigned char first = *at, second = end - at > 1 ? at[1] : 0;
    size_t count = 0;
    if (first >= 0xc2 && first <= 0xdf)
        count = 2;
    else if (first >= 0xe0 && first <= 0xef && !(first == 0xe0 && second < 0xa0) &&
             !(first == 0xed && second > 0x9f))
        count = 3;
    else if (first >= 0xf0 && first <= 0xf4 && !(first == 0xf0 && second < 0x90) &&
             !(first == 0xf4 && second > 0x8f))
        count = 4;
    if ((size_t)(end - at) < count)
        return 0;
    for (size_t i = 1; i < count; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return count;
}

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int json_scan_unit(const unsigned char *at, const unsigned char *end)
{
    int unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* After a backslash. */
static bool scan_escape(struct json_scan *s)
{
    if (s->at == s->end)
        return json_scan_fail(s, "an escape");
    static const char letters[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    if (*s->at != 'u') {
        if (!memchr(letters, *s->at, sizeof letters))
            return json_scan_fail(s, "a valid escape");
        s->at++;
        return true;
    }
    int unit = json_scan_unit(s->at + 1, s->end);
    if (unit < 0)
        return json_scan_fail(s, "four hexadecimal digits");
    s->at += 5;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    bool is_pair = unit <= 0xdbff && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u';
    int low = is_pair ? json_scan_unit(s->at + 2, s->end) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        s->at -= 6; /* back to the escape's backslash */
        return json_scan_fail(s, json_scan_lone_surrogate);
    }
    s->at += 6;
    return true;
}

bool json_scan_string(struct json_scan *s)
{
    s->at++;
    s->has_escape = false;
    for (;;) {
        /* A local variable: storing to s->at for each byte would cost more than the rest of the
         * loop. */
        const unsigned char *at = s->at;
        while (at < s->end && plain[*at])
            at++;
        s->at = at;
        if (at == s->end)
            return json_scan_fail(s, "the end of a string");
        if (*at == '"') {
            s->at++;
            return true;
        }
        if (*at == '\\') {
            s->at++;
            s->has_escape = true;
            if (!scan_escape(s))
                return false;
        } else if (*at < 0x20) {
            return json_scan_fail(s, "no control character in a string");
        } else {
            size_t count = json_scan_utf8_length(at, s->end);
            if (count == 0)
                return json_scan_fail(s, "valid UTF-8");
            s->at += count;
        }
    }
}

static bool scan_digits(struct json_scan *s)
{
    const unsigned char *at = s->at;
    while (at < s->end && *at >= '0' && *at <= '9')
        at++;
    bool is_some = at > s->at;
    s->at = at;
    return is_some || json_scan_fail(s, "a digit");
}

static bool scan_number(struct json_scan *s)
{
    if (*s->at == '-')
        s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!scan_digits(s))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at | 0x20) == 'e') {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return scan_digits(s);
    }
    return true;
}

static bool scan_word(struct json_scan *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return json_scan_fail(s, "a value");
    s->at += len;
    return true;
}

/* Scans a value that contains no others; sets *type. */
bool json_scan_scalar(struct json_scan *s, enum json_type *type)
{
    switch (*s->at) {
    case '"':
        *type = JSON_STRING;
        return json_scan_string(s);
    case 't':
        *type = JSON_TRUE;
        return scan_word(s, "true");
    case 'f':
        *type = JSON_FALSE;
        return scan_word(s, "false");
    case 'n':
        *type = JSON_NULL;
        return scan_word(s, "null");
    default:
        *type = JSON_NUMBER;
        if (*s->at != '-' && (*s->at < '0' || *s->at > '9'))
            return json_scan_fail(s, "a value");
        return scan_number(s);
    }
}
