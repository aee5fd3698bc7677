/* names - a name server of torture's own, which can fall silent.
 *
 * In a network namespace of its own, torture has the address of the system's name server, and
 * answers there for one name. Needs the right to make such a namespace, and a system that asks a
 * name server (and no other service). One thread only. */
#ifndef DARG_TESTS_TORTURE_NAMES_H
#define DARG_TESTS_TORTURE_NAMES_H

#include <stdbool.h>

#define NAMES_REDIS "redis.torture.test" /* 127.0.0.1 */

struct names;

/* Puts this process, and so everything it starts, into the namespace. NULL, with a sentence on
 * standard error, if that is impossible; nothing has changed then. */
struct names *names_start(void);
void names_stop(struct names *names); /* NULL is fine */

/* Stops answering questions; answers them again. */
void names_set_silent(struct names *names, bool is_silent);

#endif
