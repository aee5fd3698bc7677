/* acl_rules - a user's line of an ACL file, word by word, given to a server whole or changed.
 *
 * One thread only. Failures abort the test program. */
#ifndef DARG_TESTS_SUPPORT_ACL_RULES_H
#define DARG_TESTS_SUPPORT_ACL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/commands.h"

#define ACL_RULES_ALL SIZE_MAX

struct acl_rules {
    char *line; /* the words point into it */
    struct acl_word {
        const char *text; /* "+get", "~darg:{*}" */
        int selector;     /* number of the parentheses around it; 0: none */
    } * words;
    size_t count;
};

void acl_rules_read(struct acl_rules *rules, const char *path, const char *user);
void acl_rules_fini(struct acl_rules *rules);

/* True if the word gives a right: to a command, or to a pattern of keys. */
bool acl_rules_is_right(const char *word);

/* ACL SETUSER: gives the user (password "pw") these rules and no others, with `replacement` (NULL:
 * nothing) instead of word number `changed` (ACL_RULES_ALL: unchanged). */
void acl_rules_set(struct conn *conn, const char *user, const struct acl_rules *rules,
                   size_t changed, const char *replacement);

/* ACL DRYRUN: may the user call this? */
bool acl_rules_allow(struct conn *conn, const char *user, const char *const *argv);

#endif
