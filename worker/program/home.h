/* home - what a worker process keeps for the programs of its handlers. */
#ifndef DARG_WORKER_PROGRAM_HOME_H
#define DARG_WORKER_PROGRAM_HOME_H

struct cgroups;
struct roster;

/* Borrowed; NULL: there is none. */
struct home {
    struct cgroups *groups; /* the programs' control groups */
    struct roster *roster;  /* where they are listed while they run */
};

#endif
