/* standard - the standard descriptors of a program: they are there when it starts, and what it has
 * printed is written, or the program has failed, when it ends. For main(), in one thread, but for
 * the last. */
#ifndef DARG_BASE_STANDARD_H
#define DARG_BASE_STANDARD_H

/* Before anything else. Those of 0, 1 and 2 that are closed become /dev/null, the wrong way round:
 * reading from it or writing to it fails as it would have, but no file or socket that is opened
 * later takes its place. Signals for writes that fail are ignored: the writes tell. */
void standard_begin(void);

/* Last of all. Writes what standard output still holds, and answers the exit code: 1 in place of 0
 * if not all could be written. Says so on standard error, unless a reader simply had enough. */
int standard_end(const char *program, int exit_code);

/* Closes all descriptors but the standard ones, whether the kernel has close_range() or not: those
 * below 65536 then. Any process that is to hold nothing of another's; safe after vfork(). */
void standard_close_others(void);

#endif
