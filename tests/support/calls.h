/* calls - the commands that clients send to a server, as MONITOR shows them: each command once per
 * combination of kinds of keys, including those that scripts call; each script once.
 *
 * Only clients that connect by TCP are counted, not those on the Unix socket. MONITOR does not show
 * administrators' commands (CONFIG). One thread only. */
#ifndef DARG_TESTS_SUPPORT_CALLS_H
#define DARG_TESTS_SUPPORT_CALLS_H

#include "support/key_kinds.h"
#include "support/redis_server.h"

enum { CALL_KEYS_MAX = 16 };

struct call {
    char *name;                       /* "zadd", "script|load" */
    char **argv;                      /* an example that was seen; ends with NULL */
    const char *kinds[CALL_KEYS_MAX]; /* of its keys, in order; for a script each once. Borrowed */
    size_t places[CALL_KEYS_MAX];     /* which arguments these keys are */
    size_t key_count;
};

struct calls {
    const struct key_kinds *kinds;
    struct call *list;
    size_t count;
};

struct calls_watch;

/* Starts watching calls. */
struct calls_watch *calls_watch(const struct redis_server *server);

/* Ends the watch, and adds new calls to *calls, whose `kinds` must be set. Aborts at a key that
 * docs/protocol.md does not list. */
void calls_gather(struct calls_watch *watch, struct calls *calls);

/* True for EVALSHA and EVAL. */
bool call_is_script(const struct call *call);

void calls_fini(struct calls *calls);

#endif
