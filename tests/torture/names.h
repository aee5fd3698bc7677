/* names - a name server of torture's own, which can fall silent.
 *
 * In a network namespace of its own, torture has the address of the system's name server, and
 * answers there for one name. Needs the right to make such a namespace, and a system that asks a
 * name server (no other service). One thread only. */
#ifndef DARG_TESTS_TORTURE_NAMES_H
#define DARG_TESTS_TORTURE_NAMES_H

#include <stdbool.h>

#define NAMES_REDIS "redis.torture.test" /* 127.0.0.1 */

struct names;

/* Puts this process into the namespace; whatever it starts is there, too. NULL, with a sentence on
 * standard error, where it cannot be had: everything is as before then. */
struct names *names_start(void);
void names_stop(struct names *names); /* NULL is fine */

/* Questions are not answered any more; and again. */
void names_set_silent(struct names *names, bool is_silent);

#endif
