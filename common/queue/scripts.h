/* scripts - the protocol's Lua scripts, one a verb, compiled in from common/queue/lua. Each file's
 * head says its keys, arguments and answers; for each, tools/embed-lua makes of that
 *
 *   script_NAME        the script, for script_call()
 *   script_NAME_call   its keys and arguments by their names
 *   script_NAME_begin  fills a request with them, in the script's order
 *   script_NAME_add    adds what the script repeats at its end, where that has several names
 *
 * What is missing of a call ends the program. Constant data; any thread. */
#ifndef DARG_QUEUE_SCRIPTS_H
#define DARG_QUEUE_SCRIPTS_H

#include <lua_scripts.h>

#endif
