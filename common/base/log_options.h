/* log_options - the options of a program that logs: a group for its table of options
 * (options.h). */
#ifndef DARG_BASE_LOG_OPTIONS_H
#define DARG_BASE_LOG_OPTIONS_H

#include "base/log.h"
#include "base/options.h"

struct log_options {
    const char *level_text, *format_text; /* as given; borrowed */
    enum log_level level;                 /* set by log_options_read() */
    enum log_format format;               /* likewise */
    const char *file;                     /* NULL: standard error */
};

/* --log-level, --log-format, --log-file. */
extern const struct option_row log_option_rows[];

/* Sets level and format from their texts. ST_INVALID with a sentence. */
MUST_CHECK enum status log_options_read(struct log_options *options,
                                        const struct options_record *record, struct err *err);

#endif
