/* commands - the table of commands, and how a word of the command line finds its function. */
#ifndef DARG_PRODUCER_SHARED_COMMANDS_H
#define DARG_PRODUCER_SHARED_COMMANDS_H

/* A command gets its own words: argv[0] is its name. Returns the exit code. */
typedef int command_function(int argc, char **argv);

struct command {
    const char *name; /* NULL: end of a table */
    const char *summary;
    command_function *run;
};

/* Runs the command named by argv[1] out of `table`; `program` is what stands before it ("darg",
 * "darg dead"). Knows help, --help, --version and mistyped words. */
int commands_dispatch(const char *program, const char *summary, const struct command *table,
                      int argc, char **argv);

/* All of darg. */
int commands_main(int argc, char **argv);

/* The commands, by file. */
command_function push_main;                                      /* push.c */
command_function result_main;                                    /* result.c */
command_function status_main;                                    /* status.c */
command_function cancel_main;                                    /* cancel.c */
command_function stats_main;                                     /* stats.c */
command_function queues_main;                                    /* queues.c */
command_function workers_main;                                   /* workers.c */
command_function peek_main;                                      /* peek.c */
command_function dead_main;                                      /* dead.c */
command_function pause_main, resume_main, stop_main, quiet_main; /* control.c */
command_function drain_main;                                     /* drain.c */
command_function purge_main;                                     /* purge.c */
command_function limit_main;                                     /* limit.c */
command_function fsck_main;                                      /* fsck.c */
command_function doctor_main;                                    /* doctor.c */
command_function redis_main;                                     /* redis.c */

#endif
