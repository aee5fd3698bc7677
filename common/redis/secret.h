/* secret - the URL of Redis with its password, which may be in a file instead, and how it is kept
 * out of sight.
 *
 * The URL is read once, at the start, before there are threads; the file is read for each
 * connection, so that a changed password is found. */
#ifndef DARG_REDIS_SECRET_H
#define DARG_REDIS_SECRET_H

#include <stdbool.h>

#include "base/err.h"
#include "redis/url.h"

/* Parses the URL. where: its source, for errors; *password_file: NULL, or a file whose first line
 * is the password (which replaces one in the URL). It is set to NULL if it cannot be read again,
 * because it is a pipe. Errors never quote a password. If there is a password, this process can
 * from now on be neither dumped nor traced by its user. Call redis_url_fini() in any case. */
MUST_CHECK enum status secret_read_url(const char *text, const char *where,
                                       const char **password_file, struct redis_url *url,
                                       struct err *err);

/* Reads the first line of the file; the caller wipes and frees it. may_wait: wait for the writer of
 * a pipe; otherwise a pipe counts as empty. Any thread. ST_SYSTEM; ST_INVALID if it is empty. */
MUST_CHECK enum status secret_read_password(const char *path, bool may_wait, char **password,
                                            struct err *err);

/* Overwrites user and password of the URL `text` in argv, where it is a word or the end of one, so
 * that `ps` does not show them. Other words are left alone, even if they contain URLs: they may be
 * jobs. */
void secret_wipe_argv(int argc, char **argv, const char *text);

#endif
