/* sections - whose a section of a configuration file is. One file serves both programs: each reads
 * its own sections and skips those of the other, whose options it does not know. In each list the
 * program's own section stands first; the others belong to one option each (option_row.section).
 */
#ifndef DARG_BASE_SECTIONS_H
#define DARG_BASE_SECTIONS_H

#define SECTIONS_OF_WORKER "worker queues handlers limits"
#define SECTIONS_OF_DARG "darg"

#endif
