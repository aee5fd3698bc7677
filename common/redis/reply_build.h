/* reply_build - makes hiredis's parser build a reply in a few blocks of memory.
 *
 * hiredis itself allocates twice per string. A claim brings a thousand strings, which are all freed
 * together, so a tree takes its elements from blocks that belong to its root. Every reply in the
 * program is made this way: reply_free() relies on it. The parser's thread only. */
#ifndef DARG_REDIS_REPLY_BUILD_H
#define DARG_REDIS_REPLY_BUILD_H

#include <hiredis/hiredis.h>

#if HIREDIS_MAJOR >= 1
#define ELEMENT_COUNT size_t
#else
#define ELEMENT_COUNT int
#endif

/* For a redisReader. If memory runs out the functions return NULL, which makes the parser fail. */
extern const redisReplyObjectFunctions reply_functions;

#endif
