/* calls - what clients ask of a server, as MONITOR tells it: each command once for each
 * combination of kinds of keys, those that scripts call included; scripts once each.
 *
 * Told are the clients that come by TCP; who comes by the Unix socket is a bystander. MONITOR does
 * not show commands of administrators (CONFIG). One thread only. */
#ifndef DARG_TESTS_SUPPORT_CALLS_H
#define DARG_TESTS_SUPPORT_CALLS_H

#include "support/key_kinds.h"
#include "support/redis_server.h"

enum { CALL_KEYS_MAX = 16 };

struct call {
    char *name;                       /* "zadd", "script|load" */
    char **argv;                      /* one that was seen; ends with NULL */
    const char *kinds[CALL_KEYS_MAX]; /* of its keys, in order; of a script's each once. Borrowed */
    size_t places[CALL_KEYS_MAX];     /* which arguments they are */
    size_t key_count;
};

struct calls {
    const struct key_kinds *kinds;
    struct call *list;
    size_t count;
};

struct calls_watch;

/* From now on calls are seen. */
struct calls_watch *calls_watch(const struct redis_server *server);

/* Ends that, and adds to *calls (whose `kinds` are set) what is new. Aborts at a key that
 * docs/protocol.md does not list. */
void calls_gather(struct calls_watch *watch, struct calls *calls);

/* EVALSHA or EVAL. */
bool call_is_script(const struct call *call);

void calls_fini(struct calls *calls);

#endif
