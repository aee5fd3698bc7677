/* context - what every command works with: the common options, the queue's keys, the connection,
 * and how a command ends.
 *
 * command_run() fills it. Results go to standard output, everything else to standard error. One
 * thread. */
#ifndef DARG_PRODUCER_SHARED_CONTEXT_H
#define DARG_PRODUCER_SHARED_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/options.h"
#include "queue/keys.h"
#include "redis/conn.h"
#include "redis/options.h"

/* Exit codes of darg, as documented. */
enum { DARG_OK = 0, DARG_FAILED = 1, DARG_USAGE = 2, DARG_NO_REDIS = 3 };

struct context {
    struct redis_options redis;
    const char *namespace;
    const char *queue_name; /* NULL: not given (queue is then the default one) */
    bool is_json;
    int64_t connect_timeout_ms;
    const char **operands; /* borrowed strings */
    size_t operand_count;
    struct redis_url url;
    struct conn_options link;     /* common to all connections; borrows url */
    struct queue queue;           /* made if the command needs a queue or the namespace */
    struct conn *conn;            /* NULL before context_connect() */
    struct options_record record; /* which option was given where */
};

/* Closes the connection and frees what it holds; zeroes are fine. */
void context_fini(struct context *context);

/* A connection as the options say, not connected yet; `role` is its name for CLIENT LIST. */
struct conn *context_open(const struct context *context, const char *role);

/* Connects within limit_ms, trying again with pauses while that may help (refused, loading ...). */
MUST_CHECK enum status context_await(struct conn *conn, int64_t limit_ms, struct err *err);

/* Opens context->conn and connects it within --connect-timeout. */
MUST_CHECK enum status context_connect(struct context *context, struct err *err);

/* Prints the error to standard error; returns the exit code for the status. */
int context_fail(const struct err *err);

/* Prints a note to standard error. */
void context_note(const char *format, ...) PRINTF_LIKE(1, 2);

/* Asks "QUESTION [y/N]" on the terminal. False, and said so, if there is none or the answer is no;
 * true at once with is_yes. */
bool context_confirm(bool is_yes, const char *format, ...) PRINTF_LIKE(2, 3);

/* False once standard output can no longer be written to. */
bool context_flush_output(void);

#endif
