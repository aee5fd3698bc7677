/* link - a connection of a client's, made ready for pushing whenever it has to be. One thread at a
 * time. */
#ifndef DARG_LIBRARY_LINK_H
#define DARG_LIBRARY_LINK_H

#include "queue/keys.h"
#include "redis/conn.h"

struct link {
    struct conn *conn;
    const struct queue *queue;
    uint64_t generation; /* of the connection that is_plain is about; 0: of none */
    bool is_plain;       /* this user may run no scripts: no bound is kept */
};

/* Does not connect. */
void link_init(struct link *link, const struct conn_options *options, const struct queue *queue);
void link_fini(struct link *link);

/* Connects and loads the script, unless both are done; nothing may be under way. Blocks. Any
 * failure means that nothing was pushed: a lost answer is ST_UNREACHABLE here. */
MUST_CHECK enum status link_ready(struct link *link, struct err *err);

/* After NOSCRIPT: the server has forgotten the script. */
void link_forget(struct link *link);

/* Statuses of a push by which nothing was carried out, and which time may mend. */
bool link_is_refusal(enum status status);

#endif
