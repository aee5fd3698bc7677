/* proxy - stands between clients and a redis-server and breaks what passes, at a chosen byte.
 *
 * A process of its own relays whole requests and whole answers between its Unix socket and the
 * server's. Faults are armed from the test, each for the requests that hold a certain word (a
 * script's SHA-1, a command), so that a test says exactly which call is hit and where; nothing
 * depends on time. It ends with the test program. Each call returns when the proxy has obeyed; what
 * fails aborts the test program. One thread only. */
#ifndef DARG_TESTS_SUPPORT_PROXY_H
#define DARG_TESTS_SUPPORT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct proxy;

/* Relays to the server's socket; its own is in this directory, under this name. */
struct proxy *proxy_start(const char *server_socket, const char *directory, const char *name);
void proxy_stop(struct proxy *proxy); /* NULL is fine */

const char *proxy_url(const struct proxy *proxy); /* unix://... */

enum proxy_action {
    PROXY_CUT_REQUEST, /* the server gets a beginning of the request, then the link ends */
    PROXY_CUT_REPLY,   /* carried out; the client gets a beginning of the answer, then it ends */
    PROXY_FORGE_REPLY, /* carried out; the client gets other bytes in place of the answer */
};

struct proxy_fault {
    enum proxy_action action;
    const char *word;     /* what a request must hold to be hit; NULL: all are */
    unsigned skip, times; /* so many such requests pass first, and then so many are hit */
    int keep;             /* of a cut: bytes that get through (never all); < 0: all but so many */
    struct slice forged;
    bool is_closed; /* of a forgery: the link ends behind it */
};
enum { PROXY_FAULTS = 24, PROXY_WORD_MAX = 63, PROXY_FORGED_MAX = 1024 };

/* Arms one more fault, at most PROXY_FAULTS. Of those that fit a request the first one counts that
 * has not been used up. */
void proxy_arm(struct proxy *proxy, const struct proxy_fault *fault);

/* Everything passes from now on: no faults, no delay, nothing frozen. */
void proxy_pass(struct proxy *proxy);

/* Reads nothing more from the links there are, and closes none: packets fall into a black hole.
 * With new ones, too, what connects is not answered either. */
void proxy_freeze(struct proxy *proxy, bool with_new_links);
void proxy_thaw(struct proxy *proxy); /* what was sent meanwhile is delivered, late */

/* Each answer waits that long on its way back. */
void proxy_delay(struct proxy *proxy, int64_t delay_ms);

/* Keeps a copy of every request from now on; repeating one sends it to the server on a connection
 * of its own. Answers how the server's reply starts, borrowed until the next call. */
void proxy_capture(struct proxy *proxy);
const char *proxy_repeat(struct proxy *proxy, size_t index);
/* The start of what was captured, borrowed likewise. */
struct slice proxy_captured(struct proxy *proxy, size_t index);

struct proxy_counts {
    uint64_t requests, replies; /* relayed, those that were cut included */
    uint64_t hit[PROXY_FAULTS]; /* by each fault, in the order of arming */
    uint64_t all_hit;
    size_t links, captured; /* now */
};
struct proxy_counts proxy_counts(struct proxy *proxy);

#endif
