/* scripts - the protocol's Lua scripts, one a verb, compiled in from common/queue/lua. Each file's
 * head says its keys, arguments and answers. Constant data; any thread. */
#ifndef DARG_QUEUE_SCRIPTS_H
#define DARG_QUEUE_SCRIPTS_H

#include "redis/script.h"

extern const struct script script_adopt;
extern const struct script script_balance;
extern const struct script script_bury;
extern const struct script script_cancel;
extern const struct script script_claim;
extern const struct script script_collect;
extern const struct script script_deregister;
extern const struct script script_done;
extern const struct script script_drain;
extern const struct script script_inspect;
extern const struct script script_mark;
extern const struct script script_promote;
extern const struct script script_tend;
extern const struct script script_purge;
extern const struct script script_push;
extern const struct script script_reap;
extern const struct script script_register;
extern const struct script script_release;
extern const struct script script_renew;
extern const struct script script_retry;
extern const struct script script_revive;
extern const struct script script_schedule;
extern const struct script script_sentinel;
extern const struct script script_settle_popped;
extern const struct script script_unbox;
extern const struct script script_unlist;

#endif
