#include "library/link.h"

#include "queue/push.h"

void link_init(struct link *link, const struct conn_options *options, const struct queue *queue)
{
    *link = (struct link){.conn = conn_open(options), .queue = queue};
}

void link_fini(struct link *link)
{
    conn_close(link->conn);
    *link = (struct link){0};
}

void link_forget(struct link *link)
{
    link->generation = 0;
}

bool link_is_refusal(enum status status)
{
    return status == ST_OOM || status == ST_MISCONF || status == ST_NOREPLICAS ||
           status == ST_BUSY || status == ST_LOADING || status == ST_NOSCRIPT ||
           status == ST_READONLY || status == ST_MASTERDOWN || status == ST_CLUSTER;
}

/* Nothing is under way, so what can be read is the end: found out before anything is sent, while it
 * is still sure that no job is in doubt. */
static void drop_closed(struct conn *conn)
{
    if (conn_is_connected(conn) && conn_wait(conn, -1, 0) == CONN_READABLE)
        conn_discard(conn);
}

enum status link_ready(struct link *link, struct err *err)
{
    drop_closed(link->conn);
    enum status status = conn_connect(link->conn, err);
    if (status == ST_OK && link->generation == conn_generation(link->conn))
        return ST_OK;
    if (status == ST_OK)
        status = push_open(link->conn, link->queue, &link->is_plain, err);
    if (status == ST_OK)
        link->generation = conn_generation(link->conn);
    if (status == ST_LOST_REPLY || status == ST_PROTOCOL) {
        err->status = ST_UNREACHABLE;
        status = ST_UNREACHABLE;
    }
    return status;
}
