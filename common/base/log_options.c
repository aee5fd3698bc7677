#include "base/log_options.h"

const struct option_row log_option_rows[] = {
    {.name = "log-level",
     OPTION_FIELD(OPT_STRING, struct log_options, level_text),
     .value_name = "LEVEL",
     .default_text = "info",
     .help = "debug, info, warn, error or off"},
    {.name = "log-format",
     OPTION_FIELD(OPT_STRING, struct log_options, format_text),
     .value_name = "FORMAT",
     .default_text = "text",
     .help = "text or json"},
    {.name = "log-file",
     OPTION_FIELD(OPT_STRING, struct log_options, file),
     .value_name = "FILE",
     .help = "append the log to FILE; HUP reopens it"},
    OPTIONS_END,
};

enum status log_options_read(struct log_options *options, const struct options_record *record,
                             struct err *err)
{
    enum status status = log_parse_level(slice_of(options->level_text), &options->level, err);
    if (status != ST_OK)
        return options_blame(status, record, "log-level", err);
    status = log_parse_format(slice_of(options->format_text), &options->format, err);
    return options_blame(status, record, "log-format", err);
}
