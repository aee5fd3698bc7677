#include "support/key_kinds.h"

#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 512 };

/* A part of a name in capitals is a placeholder: {Q}, :W, :NAME. */
static void add(struct key_kinds *kinds, const char *name, size_t len)
{
    ensure(kinds->count < KEY_KINDS_MAX && len < KEY_KIND_BYTES, "too many keys, or too long");
    char *out = kinds->patterns[kinds->count++];
    for (size_t i = 0; i < len; i++) {
        if (!isupper((unsigned char)name[i]))
            *out++ = name[i];
        else if (!isupper((unsigned char)name[i + 1]))
            *out++ = '*';
    }
    *out = '\0';
}

/* Adds the names in backticks in the row's first cell. */
static void add_row(struct key_kinds *kinds, const char *row)
{
    const char *end = strchr(row, '|');
    for (const char *at = strchr(row, '`'); at != NULL && at < end; at = strchr(at, '`')) {
        const char *close = strchr(++at, '`');
        ensure(close != NULL, "a name without its end: %s", row);
        add(kinds, at, (size_t)(close - at));
        at = close + 1;
    }
}

void key_kinds_read(struct key_kinds *kinds)
{
    static const char begin[] = "| `darg:";
    char line[LINE_BYTES];
    FILE *page = fopen("docs/protocol.md", "re");
    ensure(page != NULL, "docs/protocol.md: %s", strerror(errno));
    kinds->count = 0;
    while (fgets(line, sizeof line, page) != NULL)
        if (strncmp(line, begin, strlen(begin)) == 0)
            add_row(kinds, line + 2);
    (void)fclose(page);
    ensure(kinds->count > 0, "docs/protocol.md lists no keys");
}

bool key_kinds_match(const char *pattern, const char *key)
{
    return fnmatch(pattern, key, 0) == 0;
}

const char *key_kinds_of(const struct key_kinds *kinds, const char *key)
{
    const char *closest = NULL;
    for (size_t i = 0; i < kinds->count; i++)
        if (key_kinds_match(kinds->patterns[i], key) &&
            (closest == NULL || strlen(kinds->patterns[i]) > strlen(closest)))
            closest = kinds->patterns[i];
    return closest;
}

void key_kinds_example(const char *pattern, char key[KEY_KIND_BYTES])
{
    size_t i = 0;
    for (; pattern[i] != '\0'; i++)
        key[i] = pattern[i] == '*' ? 'x' : pattern[i];
    key[i] = '\0';
}
