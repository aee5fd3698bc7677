#include "base/printable.h"

#include <stdbool.h>
#include <string.h>

static bool is_wide_control(unsigned code)
{
    return code == 0x061c || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0U) == 0x80;
}

static unsigned bits_of(char tail)
{
    return (unsigned char)tail & 0x3fU;
}

size_t printable_control(const char *at, size_t len, unsigned *code)
{
    unsigned char first = (unsigned char)at[0];
    if (first < 0x20 || first == 0x7f) {
        *code = first;
        return 1;
    }
    if ((first == 0xc2 || first == 0xd8) && len >= 2 && is_tail(at[1])) {
        *code = (first & 0x1fU) << 6 | bits_of(at[1]);
        return *code < 0xa0 || is_wide_control(*code) ? 2 : 0;
    }
    if (first == 0xe2 && len >= 3 && is_tail(at[1]) && is_tail(at[2])) {
        *code = 0x2000U | bits_of(at[1]) << 6 | bits_of(at[2]);
        return is_wide_control(*code) ? 3 : 0;
    }
    return 0;
}

void printable_make(char *text, size_t len, char with, const char *kept)
{
    unsigned code;
    for (size_t i = 0; i < len;) {
        size_t count = printable_control(text + i, len - i, &code);
        if (count > 1 || (count == 1 && (text[i] == 0 || !strchr(kept, text[i]))))
            memset(text + i, with, count);
        i += count > 0 ? count : 1;
    }
}
