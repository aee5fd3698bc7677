/* guard - runs the program in a child and makes sure that no process outlives it. */
#ifndef DARG_TESTS_TORTURE_GUARD_H
#define DARG_TESTS_TORTURE_GUARD_H

/* Returns in the child. The parent, which inherits all orphans, passes TERM on, waits for the
 * child, then for the orphans, kills those that remain, and exits: with the child's exit code, or
 * with 1 if it had to kill. */
void guard_enter(void);

#endif
