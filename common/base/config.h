/* config - reads a configuration file into memory: INI, as libinih reads it.
 *
 *   name = value        ; a comment
 *   [section]
 *   name = value
 *
 * The caller (options) decides what sections and names mean. Every entry is kept with its line
 * number. A line may have 64 KiB, a file 1 MiB. Used by one thread at a time. */
#ifndef DARG_BASE_CONFIG_H
#define DARG_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct config_entry {
    char *section; /* "" before the first one */
    char *name;
    char *value; /* without the blanks around it; may be "" */
    int line;    /* counted from 1 */
};

struct config {
    char *path;
    struct config_entry *entries; /* in the order of the file */
    size_t count;
    bool is_public; /* anybody may read or write the file, not only its owner and group */
};

/* Reads the regular file `path`. ST_INVALID or ST_SYSTEM with a sentence that names file and line,
 * and never quotes a value. Call config_fini() in any case. */
MUST_CHECK enum status config_read(const char *path, struct config *config, struct err *err);

/* Frees it. Values are wiped, since one may be a password. A zeroed struct is fine. */
void config_fini(struct config *config);

#endif
