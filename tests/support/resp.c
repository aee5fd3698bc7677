#include "support/resp.h"

#include <stdlib.h>
#include <string.h>

size_t resp_length(struct slice bytes)
{
    size_t at = 0;
    long long values = 1; /* values still to come */
    while (values > 0) {
        const char *line = bytes.ptr + at;
        const char *end = at < bytes.len ? memmem(line, bytes.len - at, "\r\n", 2) : NULL;
        if (end == NULL)
            return 0;
        at += (size_t)(end - line) + 2;
        long long count = strtoll(line + 1, NULL, 10); /* strtoll() ends at the \r */
        ensure(strchr("+-:$*", *line) != NULL, "no message of Redis starts with 0x%02x",
               (unsigned)(unsigned char)*line);
        values--;
        if (*line == '*' && count > 0)
            values += count;
        if (*line == '$' && count >= 0)
            at += (size_t)count + 2;
    }
    return at <= bytes.len ? at : 0;
}
