/* scripts - the protocol's Lua scripts, one for each verb, compiled in from common/queue/lua. The
 * head of each file declares its keys, arguments and answers; from that, tools/embed-lua makes
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
