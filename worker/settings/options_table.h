/* options_table - the worker's options as rows; options.c puts their values into final form. */
#ifndef DARG_WORKER_SETTINGS_OPTIONS_TABLE_H
#define DARG_WORKER_SETTINGS_OPTIONS_TABLE_H

#include "worker/settings/options.h"

/* Reads the command line, the environment and the file into *o: into o->given, and into members
 * that need no further work. */
MUST_CHECK enum status options_table_parse(int argc, char **argv, struct worker_options *o,
                                           bool *done, struct err *err);

/* Frees the lists. */
void options_table_fini(struct worker_options *o);

#endif
