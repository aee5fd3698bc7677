/* script - Lua scripts that run inside Redis.
 *
 * Scripts are compiled into the program (common/queue/lua, one file a verb) together with their
 * SHA-1; they are called by EVALSHA and sent whole (EVAL) when the server says NOSCRIPT, which it
 * may do at any time (restart, failover, SCRIPT FLUSH). NOSCRIPT means that nothing was carried
 * out. The server may forbid either EVAL or SCRIPT LOAD, but not both. */
#ifndef DARG_REDIS_SCRIPT_H
#define DARG_REDIS_SCRIPT_H

#include "base/err.h"
#include "redis/conn.h"

struct script {
    const char *name;   /* "claim" */
    const char *source; /* Lua */
    const char *sha1;   /* 40 hexadecimal digits */
    int key_count;      /* the least number of KEYS it takes */
};

/* An argument, given by name. All zero means missing, which script_add() treats as a bug. */
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

/* The parts of script_NAME_begin(), which tools/embed-lua generates from the heads of the scripts.
 * Starts a request: EVALSHA sha, number of keys. `further`: keys that follow the script's own, or
 * NULL. */
void script_start(struct request *request, const struct script *script,
                  const struct request *further);
/* what: its name, for the error if the caller has forgotten it. */
void script_add_key(struct request *request, const char *key, const char *what);
void script_add(struct request *request, const struct script_value *value, const char *what);

/* Like conn_call(); after NOSCRIPT sends the same with the script's source (EVAL, which also loads
 * it). If EVAL is refused, loads the script (SCRIPT LOAD) and sends the request once more. */
MUST_CHECK enum status script_call(struct conn *conn, const struct script *script,
                                   const struct request *request, struct reply **reply,
                                   struct err *err);

/* The same for a call that changes nothing, and so is no step of the protocol
 * (base/killpoint.h). */
MUST_CHECK enum status script_try(struct conn *conn, const struct script *script,
                                  const struct request *request, struct reply **reply,
                                  struct err *err);

/* Loads the script (SCRIPT LOAD), for callers that pipeline. */
MUST_CHECK enum status script_load(struct conn *conn, const struct script *script, struct err *err);

#endif
