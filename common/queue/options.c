#include "queue/options.h"

#include "queue/keys.h"

const struct option_row namespace_option_rows[] = {
    {.name = "namespace",
     .type = OPT_STRING,
     .offset = 0,
     .value_name = "NAME",
     .default_text = QUEUE_DEFAULT_NAMESPACE,
     .help = "prefix of all keys"},
    OPTIONS_END,
};
