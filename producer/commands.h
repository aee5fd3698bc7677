/* commands - everything darg can do. */
#ifndef DARG_PRODUCER_COMMANDS_H
#define DARG_PRODUCER_COMMANDS_H

/* Runs what the command line says; returns the exit code. */
int commands_main(int argc, char **argv);

#endif
