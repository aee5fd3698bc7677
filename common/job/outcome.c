#include "job/outcome.h"

#include "base/json.h"

int64_t job_append_outcome(struct buf *out, const struct job_outcome *outcome)
{
    int64_t replaced = outcome->replaced;
    buf_append_text(out, "{\"id\":");
    json_append_string(out, outcome->id);
    buf_append_text(out, ",\"type\":");
    json_append_string(out, outcome->type);
    buf_append_text(out, ",\"outcome\":");
    buf_append_text(out, outcome->is_done ? "\"done\"" : "\"buried\"");
    buf_append_text(out, ",\"run\":");
    buf_append_int(out, outcome->run);
    if (outcome->usage.len > 0) {
        buf_append_text(out, ",\"usage\":");
        buf_append_slice(out, outcome->usage);
    }
    buf_append_text(out, outcome->is_done ? ",\"result\":" : ",\"error\":");
    if (outcome->is_json && outcome->text.len > 0)
        buf_append_slice(out, outcome->text);
    else
        replaced += (int64_t)json_append_string(out, outcome->text);
    if (replaced > 0) {
        buf_append_text(out, ",\"replaced_bytes\":");
        buf_append_int(out, replaced);
    }
    buf_append_char(out, '}');
    return replaced;
}
