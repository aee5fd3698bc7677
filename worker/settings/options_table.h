/* options_table - the worker's options as rows; options.c turns what they bring into its final
 * form. */
#ifndef DARG_WORKER_SETTINGS_OPTIONS_TABLE_H
#define DARG_WORKER_SETTINGS_OPTIONS_TABLE_H

#include "worker/settings/options.h"

/* What the table fills in, before it is checked and put in its final form. */
struct options_raw {
    const char *redis, *password_file, *namespace, *delivery, *prefetch, *backoff;
    const char *cgroup, *log_level, *log_format;
    const char *ca_file, *cert_file, *key_file;
    struct options_list queues, handlers, plugins, limits, passed, dashes;
    struct options_record record; /* owns the texts */
};

/* Reads the command line and the environment into *raw and those members of *o that need no more
 * work. */
MUST_CHECK enum status options_table_parse(int argc, char **argv, struct options_raw *raw,
                                           struct worker_options *o, bool *done, struct err *err);

#endif
