/* proxy - sits between clients and a redis-server and breaks what passes, at a chosen byte.
 *
 * A separate process relays whole requests and whole replies between its Unix socket and the
 * server's. The test arms faults, each for requests that contain a certain word (a script's SHA-1,
 * a command), so that a test says exactly which call is hit and where; nothing depends on time. The
 * proxy ends with the test program. Each call returns when the proxy has carried it out; failures
 * abort the test program. One thread only. */
#ifndef DARG_TESTS_SUPPORT_PROXY_H
#define DARG_TESTS_SUPPORT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct proxy;

/* Relays to the server's socket. Its own socket has this name in this directory. */
struct proxy *proxy_start(const char *server_socket, const char *directory, const char *name);
void proxy_stop(struct proxy *proxy); /* NULL is fine */

const char *proxy_url(const struct proxy *proxy); /* unix://... */

enum proxy_action {
    PROXY_CUT_REQUEST, /* the server gets the beginning of the request, then the link ends */
    /* Carried out; the client gets the beginning of the reply, then the link ends. */
    PROXY_CUT_REPLY,
    PROXY_FORGE_REPLY, /* carried out; the client gets other bytes instead of the reply */
};

struct proxy_fault {
    enum proxy_action action;
    const char *word;     /* a request must contain this to be hit; NULL: all are hit */
    unsigned skip, times; /* the first `skip` such requests pass, the next `times` are hit */
    int keep;             /* of a cut: bytes that get through (never all); < 0: all but this many */
    struct slice forged;
    bool is_closed; /* of a forgery: the link ends after it */
};
enum { PROXY_FAULTS = 24, PROXY_WORD_MAX = 63, PROXY_FORGED_MAX = 1024 };

/* Arms one more fault, at most PROXY_FAULTS. Of those that fit a request, the first that is not
 * used up applies. */
void proxy_arm(struct proxy *proxy, const struct proxy_fault *fault);

/* Everything passes from now on: no faults, no delay, nothing frozen. */
void proxy_pass(struct proxy *proxy);

/* Stops reading from the present links, and closes none: packets fall into a black hole.
 * with_new_links: new connections are not answered either. */
void proxy_freeze(struct proxy *proxy, bool with_new_links);
void proxy_thaw(struct proxy *proxy); /* what was sent meanwhile is then delivered */

/* Delays each reply by this long. */
void proxy_delay(struct proxy *proxy, int64_t delay_ms);

/* Copies every request from now on. Repeating one sends it to the server on a new connection and
 * returns the start of the reply, borrowed until the next call. */
void proxy_capture(struct proxy *proxy);
const char *proxy_repeat(struct proxy *proxy, size_t index);
/* The start of a captured request, borrowed likewise. */
struct slice proxy_captured(struct proxy *proxy, size_t index);

struct proxy_counts {
    uint64_t requests, replies; /* relayed, including those that were cut */
    uint64_t hit[PROXY_FAULTS]; /* by each fault, in the order in which they were armed */
    uint64_t all_hit;
    size_t links, captured; /* now */
};
struct proxy_counts proxy_counts(struct proxy *proxy);

#endif
