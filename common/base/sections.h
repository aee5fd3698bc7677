/* sections - which program each section of a configuration file belongs to. One file serves both
 * programs: each reads its own sections and skips the other's, whose options it does not know. In
 * each list the program's main section comes first; each of the others belongs to one option
 * (option_row.section). */
#ifndef DARG_BASE_SECTIONS_H
#define DARG_BASE_SECTIONS_H

#define SECTIONS_OF_WORKER "worker queues handlers limits"
#define SECTIONS_OF_DARG "darg"

#endif
