/* key_kinds - the kinds of keys that docs/protocol.md lists, as patterns: "darg:{*}:claimed:*".
 *
 * Read from that page once; tests run in the repository's top folder. One thread only. */
#ifndef DARG_TESTS_SUPPORT_KEY_KINDS_H
#define DARG_TESTS_SUPPORT_KEY_KINDS_H

#include <stdbool.h>
#include <stddef.h>

enum { KEY_KINDS_MAX = 64, KEY_KIND_BYTES = 64 };

struct key_kinds {
    char patterns[KEY_KINDS_MAX][KEY_KIND_BYTES];
    size_t count;
};

/* Aborts if the page lists none. */
void key_kinds_read(struct key_kinds *kinds);

/* The most specific pattern that matches; NULL: the page does not list such a key. Borrowed. */
const char *key_kinds_of(const struct key_kinds *kinds, const char *key);

/* Whether the pattern matches the key, by the rules of Redis's ACLs. */
bool key_kinds_match(const char *pattern, const char *key);

/* Makes an example key of this kind: replaces every star. */
void key_kinds_example(const char *pattern, char key[KEY_KIND_BYTES]);

#endif
