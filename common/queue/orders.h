/* orders - what the shutdown keys tell workers: be quiet, drain, stop. Each call blocks for a round
 * trip or two and may be repeated. */
#ifndef DARG_QUEUE_ORDERS_H
#define DARG_QUEUE_ORDERS_H

#include <stdbool.h>

#include "queue/keys.h"
#include "redis/conn.h"

/* The shutdown keys. Orders, the strongest last. */
enum order { ORDER_NONE, ORDER_QUIET, ORDER_DRAIN, ORDER_STOP };
/* The order that the word means; ORDER_NONE for "" and for nonsense, which *is_known tells
 * apart. */
enum order orders_parse(struct slice word, bool *is_known);
const char *orders_name(enum order order);

/* Reads the two keys that belong to no queue: that of all workers, and that of `process`. Each ""
 * if unset. */
struct orders {
    char of_all[16];
    char of_process[16];
};
MUST_CHECK enum status orders_read(struct conn *conn, const char *namespace, const char *process,
                                   struct orders *orders, struct err *err);
/* Whom an order is for: all workers of the namespace; one process, by its name or that of one of
 * its registrations; with neither, the workers of a queue. */
struct orders_scope {
    bool is_all;
    const char *worker; /* NULL: none */
};
/* Appends the shutdown key of the scope. */
void orders_key(const struct orders_scope *scope, const struct queue *queue, struct buf *out);

/* Appends the word that stands at a shutdown key; nothing if there is none. */
MUST_CHECK enum status orders_get(struct conn *conn, const char *key, struct buf *word,
                                  struct err *err);
/* Sets (or with ORDER_NONE clears) a shutdown key by its full name. */
MUST_CHECK enum status orders_set(struct conn *conn, const char *key, enum order order,
                                  struct err *err);

#endif
