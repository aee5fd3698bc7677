/* outcome - prints how a job ended, as its worker reported it (docs/protocol.md). One thread. */
#ifndef DARG_PRODUCER_SHARED_OUTCOME_H
#define DARG_PRODUCER_SHARED_OUTCOME_H

#include <stdbool.h>

#include "base/buf.h"
#include "job/job.h"

/* A result goes to standard output (after the id and a tab, if is_bulk), a failure's reason to
 * standard error; with as_json, the text goes to standard output as it is. True: the job is
 * done. */
bool outcome_print(struct slice text, bool as_json, bool is_bulk);

/* Copies the id that the outcome names into id; false: none can be read. */
bool outcome_id(struct slice text, char id[JOB_ID_MAX + 1]);

#endif
