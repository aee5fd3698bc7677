#include "stream/protocol.h"

static const struct {
    const char *name;
    bool wants_text;
} verbs[STREAM_VERBS] = {
    [STREAM_DONE] = {"done", false},    [STREAM_RETRY] = {"retry", true},
    [STREAM_UNABLE] = {"unable", true}, [STREAM_BURY] = {"bury", true},
    [STREAM_LOG] = {"log", true},       [STREAM_PROGRESS] = {"progress", false},
    [STREAM_VERSION] = {"darg", false},
};

const char *stream_verb_name(enum stream_verb verb)
{
    return verbs[verb].name;
}

bool stream_verb_wants_text(enum stream_verb verb)
{
    return verbs[verb].wants_text;
}

const char *stream_job_field_name(enum stream_job_field field)
{
    static const char *const names[STREAM_JOB_FIELDS] = {
        [STREAM_JOB_ID] = "id",           [STREAM_JOB_TYPE] = "type",
        [STREAM_JOB_QUEUE] = "queue",     [STREAM_JOB_RUN] = "run",
        [STREAM_JOB_ATTEMPT] = "attempt", [STREAM_JOB_DEADLINE] = "deadline_ms",
        [STREAM_JOB_NONCE] = "nonce",     [STREAM_JOB_ARGS] = "args",
    };
    return names[field];
}
