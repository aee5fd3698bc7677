/* home - what a worker process has for the programs of its handlers. */
#ifndef DARG_WORKER_PROGRAM_HOME_H
#define DARG_WORKER_PROGRAM_HOME_H

struct cgroups;
struct roster;

/* Either may be NULL: there is none. Borrowed. */
struct home {
    struct cgroups *groups; /* the programs' control groups */
    struct roster *roster;  /* where they are entered */
};

#endif
