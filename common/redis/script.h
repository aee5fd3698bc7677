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

/* An argument as a caller names it. Zeroed it is missing, which script_add() takes for a bug. */
struct script_value {
    enum script_kind { SCRIPT_MISSING, SCRIPT_BYTES, SCRIPT_INT } kind;
    struct slice bytes; /* borrowed */
    int64_t number;
};

static inline struct script_value script_bytes(struct slice bytes)
{
    return (struct script_value){.kind = SCRIPT_BYTES, .bytes = bytes};
}

static inline struct script_value script_text(const char *text)
{
    return script_bytes(slice_of(text));
}

static inline struct script_value script_int(int64_t number)
{
    return (struct script_value){.kind = SCRIPT_INT, .number = number};
}

/* "1" or "0". */
static inline struct script_value script_flag(bool flag)
{
    return script_int(flag);
}

/* What script_NAME_begin() is made of, which tools/embed-lua writes by the heads of the scripts.
 * Starts a request: EVALSHA sha, number of keys; `further`: those that follow the script's own, or
 * NULL. */
void script_start(struct request *request, const struct script *script,
                  const struct request *further);
/* what: its name, for whoever has forgotten it. */
void script_add_key(struct request *request, const char *key, const char *what);
void script_add(struct request *request, const struct script_value *value, const char *what);

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
