/* guard - runs the program in a child and sees to it that no process outlives that. */
#ifndef DARG_TESTS_TORTURE_GUARD_H
#define DARG_TESTS_TORTURE_GUARD_H

/* Returns in the child. The parent, which inherits all orphans, passes TERM on, waits for the
 * child, then for the orphans, kills those that stay, and exits: with the child's exit code, or
 * with 1 where it had to kill. */
void guard_enter(void);

#endif
