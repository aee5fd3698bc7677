/* commands - raw Redis commands for tests, given as arguments and never as a format.
 *
 *   commands_int(conn, "LPUSH", key, value)       the answer as a number
 *   commands_text(conn, "GET", key)               as text, to free(); NULL for nil
 *   commands_run(conn, "HGETALL", key)            as it is, to reply_free()
 *   commands_do(conn, "SET", key, value)          of no interest
 *   commands_status(conn, &err, "GET", key)       whether it went well, for tests of errors
 *
 * All but the last abort the test program if the command fails. */
#ifndef DARG_TESTS_SUPPORT_COMMANDS_H
#define DARG_TESTS_SUPPORT_COMMANDS_H

#include <stdint.h>

#include "base/err.h"
#include "redis/conn.h"

#define COMMANDS_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define commands_run(conn, ...) commands_run_args((conn), COMMANDS_ARGS(__VA_ARGS__))
#define commands_do(conn, ...) reply_free(commands_run((conn), __VA_ARGS__))
#define commands_int(conn, ...) commands_int_args((conn), COMMANDS_ARGS(__VA_ARGS__))
#define commands_text(conn, ...) commands_text_args((conn), COMMANDS_ARGS(__VA_ARGS__))
#define commands_status(conn, err, ...)                                                            \
    commands_status_args((conn), (err), COMMANDS_ARGS(__VA_ARGS__))

/* A conn that is not connected yet; options.url is ignored. Aborts if the URL is wrong. */
struct conn *commands_open(const char *url, struct conn_options options);

/* Connects; aborts if it cannot. */
void commands_must_connect(struct conn *conn);

/* Both, with deadlines that only a hung server misses (wait_patience_ms). */
struct conn *commands_connect(const char *url);

/* Fills a request with terminated arguments. */
void commands_fill(struct request *request, const char *const *args);

struct reply *commands_run_args(struct conn *conn, const char *const *args);
int64_t commands_int_args(struct conn *conn, const char *const *args);
char *commands_text_args(struct conn *conn, const char *const *args);
enum status commands_status_args(struct conn *conn, struct err *err, const char *const *args);

#endif
