/* killpoint - named places where a process can be made to die, to test what it leaves behind.
 *
 * KILL_POINT(step, moment) compiles to nothing in a release. Programs built with DARG_KILL_POINTS
 * (build/kill/) die there by kill -9, as the environment says:
 *
 *   DARG_KILL_AT=STEP.MOMENT[:N]  which point, and which time it is passed (1); e.g. claim.sent:2
 *   DARG_KILL_LATCH=FILE          made by the one that dies: there is only one, however many
 *                                 processes and successors come past
 *   DARG_KILL_HOST=1              its parent, the supervisor, dies first, as if the host were lost
 *
 *   DARG_KILL_READER=TEXT         whoever reads a job in whose text this stands dies of it, each
 * time
 *
 * STEP is the name of a script of common/queue/lua (MOMENT is before, sent: the request is on its
 * way and the answer will never be read, or after), "wait" for BLMOVE (sent, after), or "run" for a
 * job's handler (before, after). Pushes are pipelined and have no "sent". Any thread may come
 * past. */
#ifndef DARG_BASE_KILLPOINT_H
#define DARG_BASE_KILLPOINT_H

#ifdef DARG_KILL_POINTS
#include <stddef.h>
void kill_point(const char *step, const char *moment);
void kill_reader(const char *text, size_t len);
#define KILL_POINT(step, moment) kill_point((step), (moment))
#define KILL_READER(text, len) kill_reader((text), (len))
#else
#define KILL_POINT(step, moment) ((void)(step), (void)(moment))
#define KILL_READER(text, len) ((void)(text), (void)(len))
#endif

#endif
