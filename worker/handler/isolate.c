#include "worker/handler/isolate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/handler/stream.h"
#include "worker/handler/stream_slot.h"

/* For the log and for lists of processes, where "/proc/self/exe" would tell nothing. */
static void name_process(struct command *command, const char *type)
{
    struct buf name = {0};
    buf_printf(&name, "%s:%s", program_invocation_short_name, type);
    free(command->words[0]);
    command->words[0] = buf_take(&name);
}

enum status isolate_make(const struct isolate_spec *spec, struct handler *handler, struct err *err)
{
    /* Not the path that this link leads to: an upgrade may have replaced the file since. */
    enum status status = stream_parse("stream:/proc/self/exe", handler, err);
    if (status != ST_OK)
        return status;
    struct stream *stream = handler->state;
    struct buf text = {0};
    command_add_variable(stream->command, ISOLATE_TYPE, spec->type);
    if (spec->file != NULL) {
        buf_printf(&text, "%s%s%s", spec->file, spec->config ? "=" : "",
                   spec->config ? spec->config : "");
        command_add_variable(stream->command, ISOLATE_PLUGIN, buf_text(&text));
        buf_clear(&text);
    }
    buf_append_int(&text, spec->max_output);
    command_add_variable(stream->command, ISOLATE_MAX_OUTPUT, buf_text(&text));
    buf_fini(&text);
    name_process(stream->command, spec->type);
    return ST_OK;
}
