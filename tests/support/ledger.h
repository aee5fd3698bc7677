/* ledger - what is known about each job from outside: whether it was pushed, and when it ran.
 *
 * Two kinds of files, of lines with fields between blanks:
 *
 *   pushed   ID               Redis has acknowledged the push
 *            ? ID             it may have been pushed; a line with the ID alone outdoes it
 *   ran      ID RUN           run number RUN has ended well; written by the handler in one write
 *            ID RUN begin     it has begun
 *            ID RUN fail      it has failed
 *
 * Further fields on a line are ignored. A ledger belongs to one thread. */
#ifndef DARG_TESTS_SUPPORT_LEDGER_H
#define DARG_TESTS_SUPPORT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum ledger_phase { LEDGER_NONE, LEDGER_BEGUN, LEDGER_FAILED, LEDGER_ENDED };

struct ledger_job {
    char *id;
    bool is_acknowledged, is_uncertain; /* neither: no file mentions its push */
    enum ledger_phase phase;            /* according to the latest line */
    unsigned begun, ended;
    /* Runs that began (or ended without a line for their beginning) after a run that ... */
    unsigned after_failure, after_end;
    unsigned after_begin;        /* had not ended by then: killed, or expelled and still running */
    unsigned same_run;           /* runs whose number had begun before */
    struct buf runs;             /* the numbers, int64_t each */
    unsigned coming, held, dead; /* number of places in Redis; not set here */
};

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

/* Adds a file's lines. ST_INVALID with a sentence that names the wrong line; ST_SYSTEM: it cannot
 * be read. */
MUST_CHECK enum status ledger_read_pushed(struct ledger *ledger, const char *path, struct err *err);
MUST_CHECK enum status ledger_read_ran(struct ledger *ledger, const char *path, struct err *err);

/* The job with this id; made if there is none. Owned by the ledger. */
struct ledger_job *ledger_job(struct ledger *ledger, const char *id);

void ledger_visit(struct ledger *ledger, void (*visit)(struct ledger_job *job, void *context),
                  void *context);

#endif
