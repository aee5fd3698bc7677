/* script - Lua scripts that run inside Redis.
 *
 * Scripts are compiled into the program (common/queue/lua, one file a verb) together with their
 * SHA-1; they are called by EVALSHA and sent whole (EVAL) when the server says NOSCRIPT, which it
 * may do at any time (restart, failover, SCRIPT FLUSH). A NOSCRIPT answer means that nothing was
 * carried out. Of EVAL and SCRIPT LOAD one may be refused. */
#ifndef DARG_REDIS_SCRIPT_H
#define DARG_REDIS_SCRIPT_H

#include "base/err.h"
#include "redis/conn.h"

struct script {
    const char *name;   /* "claim" */
    const char *source; /* Lua */
    const char *sha1;   /* 40 hexadecimal digits */
    int key_count;      /* how many KEYS it takes at least */
};

/* Starts a request: EVALSHA sha key_count. The caller adds keys and arguments. key_count may exceed
 * the script's own where it takes more keys (reply lists). */
void script_begin(struct request *request, const struct script *script, int key_count);

/* conn_call(), and on NOSCRIPT sends the same with the script's source (EVAL, which loads it, too);
 * where EVAL is refused it loads it (SCRIPT LOAD) and sends the request once more. */
MUST_CHECK enum status script_call(struct conn *conn, const struct script *script,
                                   const struct request *request, struct reply **reply,
                                   struct err *err);

/* The same for a call that changes nothing: no step of the protocol (base/killpoint.h). */
MUST_CHECK enum status script_try(struct conn *conn, const struct script *script,
                                  const struct request *request, struct reply **reply,
                                  struct err *err);

/* SCRIPT LOAD, for callers that pipeline. */
MUST_CHECK enum status script_load(struct conn *conn, const struct script *script, struct err *err);

#endif
