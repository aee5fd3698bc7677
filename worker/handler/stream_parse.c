#include "worker/handler/stream_slot.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "worker/handler/exec.h"
#include "worker/handler/stream.h"

static const char prefix[] = "stream";

bool stream_is(const char *text)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 && (text[len] == ':' || text[len] == ',');
}

static enum status read_option(struct stream *stream, struct slice option, struct err *err)
{
    static const char jobs[] = "jobs=";
    static const char rss[] = "rss=";
    enum status status;
    if (option.len > strlen(jobs) && strncmp(option.ptr, jobs, strlen(jobs)) == 0) {
        option.ptr += strlen(jobs);
        option.len -= strlen(jobs);
        status = parse_int(option, 1, INT64_MAX, &stream->max_jobs, err);
    } else if (option.len > strlen(rss) && strncmp(option.ptr, rss, strlen(rss)) == 0) {
        option.ptr += strlen(rss);
        option.len -= strlen(rss);
        status = parse_bytes(option, &stream->max_rss, err);
        if (status == ST_OK && stream->max_rss < 1)
            status = err_set(err, ST_INVALID, "rss must be more than 0");
    } else {
        status =
            err_set(err, ST_INVALID, "stream has no option \"%.*s\": there are jobs=N and rss=SIZE",
                    (int)(option.len < 40 ? option.len : 40), option.ptr);
    }
    return status;
}

/* Sets *command to what follows the colon. */
static enum status read_options(struct stream *stream, const char *text, const char **command,
                                struct err *err)
{
    const char *at = text + strlen(prefix);
    while (*at == ',') {
        size_t len = strcspn(at + 1, ",:");
        enum status status = read_option(stream, (struct slice){at + 1, len}, err);
        if (status != ST_OK)
            return status;
        at += 1 + len;
    }
    if (*at != ':')
        return err_set(err, ST_INVALID, "there is no ':' before the command: %.80s", text);
    *command = at + 1;
    return ST_OK;
}

enum status stream_limit(void *state, const struct limits *limits, struct err *err)
{
    struct stream *stream = state;
    return command_limit(stream->command, limits, err);
}

static enum status begin(void *state, const struct home *home, struct err *err)
{
    struct stream *stream = state;
    return command_begin(stream->command, home, err);
}

enum status stream_parse(const char *text, struct handler *handler, struct err *err)
{
    struct stream *stream = mem_new(sizeof *stream);
    const char *command = NULL;
    enum status status = read_options(stream, text, &command, err);
    if (status == ST_OK)
        status = command_parse(command, &stream->command, err);
    if (status == ST_OK && stream->command->wants_args)
        status = err_set(err, ST_INVALID,
                         "a persistent handler reads args from its standard input: {} has no "
                         "meaning in its command");
    if (status != ST_OK) {
        stream_free(stream);
        return status;
    }
    *handler = (struct handler){.run = stream_run,
                                .state = stream,
                                .limit = stream_limit,
                                .begin = begin,
                                .attend = stream_attend,
                                .leave = stream_leave,
                                .free_state = stream_free};
    return ST_OK;
}
