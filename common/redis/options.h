/* redis/options - the options that say where Redis is, once for all programs.
 *
 * A program's table has a row {.group = redis_option_rows, .offset = ...} for a struct
 * redis_options within its own struct. After parsing, redis_options_read() turns that into what a
 * connection needs. */
#ifndef DARG_REDIS_OPTIONS_H
#define DARG_REDIS_OPTIONS_H

#include "base/options.h"
#include "redis/conn.h"
#include "redis/url.h"

/* Borrowed from argv, the environment or the record. NULL: not given (the URL has a default). */
struct redis_options {
    const char *url, *password_file;
    const char *ca_file, *cert_file, *key_file;
};

extern const struct option_row redis_option_rows[];

/* Parses the URL and reads the password; `record` says where the URL came from, for errors. *conn
 * borrows `url`, which the caller keeps, and the names of files. ST_INVALID or ST_SYSTEM with a
 * sentence that quotes no password. Call redis_url_fini(url) in any case. */
MUST_CHECK enum status redis_options_read(const struct redis_options *given,
                                          const struct options_record *record,
                                          struct redis_url *url, struct conn_options *conn,
                                          struct err *err);

#endif
