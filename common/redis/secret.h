/* secret - the URL of Redis with its password, which may stand in a file instead, and how it is
 * kept out of sight.
 *
 * The URL is read once, at the start, before there are threads; the file again for each connection,
 * so that what replaces the password is found. */
#ifndef DARG_REDIS_SECRET_H
#define DARG_REDIS_SECRET_H

#include <stdbool.h>

#include "base/err.h"
#include "redis/url.h"

/* Parses the URL. where: its source, for sentences; *password_file: NULL or a file whose first line
 * is the password (it replaces one in the URL). It is set to NULL where there is no use in reading
 * it again, as it is a pipe. Sentences never quote a password. From here on the process of whoever
 * has one can neither be dumped nor traced by its user. redis_url_fini() in any case. */
MUST_CHECK enum status secret_read_url(const char *text, const char *where,
                                       const char **password_file, struct redis_url *url,
                                       struct err *err);

/* The first line of the file, to be wiped and freed. may_wait: for the writer of a pipe; else a
 * pipe is as good as empty. Any thread. ST_SYSTEM, or ST_INVALID if it is empty. */
MUST_CHECK enum status secret_read_password(const char *path, bool may_wait, char **password,
                                            struct err *err);

/* Overwrites user and password of the URL `text` where it stands in argv as (the end of) a word,
 * and `ps` would show it. Other words are left alone, even if they hold URLs: they may be jobs. */
void secret_wipe_argv(int argc, char **argv, const char *text);

#endif
