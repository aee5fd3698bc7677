/* Runs one job through the process of its thread, and decides what happens to the process. */
#include "worker/handler/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/flatten.h"
#include "base/parse.h"
#include "worker/handler/exec.h"
#include "worker/handler/stream_message.h"
#include "worker/handler/stream_slot.h"
#include "worker/program/death.h"

enum {
    LINE_SLACK_BYTES = 64 << 10, /* how much longer a line may be than its result */
    ESCAPED_MAX = 6,             /* bytes of JSON that one byte of text can take, as \u0001 */
    REASON_BYTES = 2 << 10,      /* of a reason kept, as much as of standard error */
    TIMEOUT_GRACE_MS = 2000,     /* from TERM to KILL, as for a program that runs once */
    ABORT_GRACE_MS = 1000,
    CLOSED_GRACE_MS = 1000, /* from the end of its output to its own end */
    EXIT_CANNOT_RUN = 127,
    /* Processor time of a job for which it is worth asking for its memory. */
    WORTH_A_LOOK_US = 1000,
};

enum talk_end {
    TALK_GOES_ON,
    TALK_ANSWERED,
    TALK_BROKEN,    /* it broke the protocol; the reason says how */
    TALK_TOO_LARGE, /* its answer is too large, and has not even ended */
    TALK_CLOSED,    /* it closed its output */
    TALK_DIED,
    /* It died without reading its job: it was as good as dead before, so try another process. */
    TALK_UNSEEN,
    TALK_TIMED_OUT,
    TALK_ABORTED,
};

/* A job and its answer. */
struct talk {
    struct stream_slot *slot;
    const struct handler_call *call;
    struct handler_result *result;
    int64_t deadline_ms;
    size_t line_len; /* bytes in the job's line */
    enum talk_end end;
};

/* ---- what it says ---- */

static void observe(const struct talk *talk, const struct stream_message *message)
{
    struct handler_observer *observer = talk->call->observer;
    if (!observer)
        return;
    if (message->verb == STREAM_PROGRESS) {
        observer->progress(observer, message->value.text);
        return;
    }
    struct buf text = {0};
    json_decode_string(message->value.text, &text);
    observer->log(observer, message->level, buf_slice(&text));
    buf_fini(&text);
}

/* Cuts to at most `max` bytes, without half a character at the end. */
static void cut(struct buf *text, size_t max)
{
    if (text->len <= max)
        return;
    while (max > 0 && (text->ptr[max] & 0xc0) == 0x80)
        max--;
    text->len = max;
    text->ptr[max] = 0;
}

/* Counted as the handler counts: for a string, before it became JSON. Decoded only if it might be
 * too large. */
static size_t result_bytes(const struct json_value *value, size_t enough)
{
    if (value->type != JSON_STRING || value->text.len <= enough)
        return value->text.len;
    struct buf text = {0};
    json_decode_string(value->text, &text);
    size_t len = text.len;
    buf_fini(&text);
    return len;
}

static void refuse_size(const struct talk *talk, struct buf *reason)
{
    char limit[PARSE_BYTES_MAX];
    buf_printf(reason, "the result is larger than %s (%s)",
               format_bytes(talk->call->max_output, limit), exec_output_option(talk->slot->limits));
}

static void answer(const struct talk *talk, const struct stream_message *message)
{
    struct handler_result *result = talk->result;
    size_t max_output = (size_t)talk->call->max_output;
    result->outcome = message->verb == STREAM_RETRY    ? HANDLER_RETRY
                      : message->verb == STREAM_UNABLE ? HANDLER_UNABLE
                                                       : HANDLER_BURY;
    if (message->verb == STREAM_RETRY)
        result->retry_after_ms = message->delay_ms;
    if (message->verb != STREAM_DONE) {
        json_decode_string(message->value.text, &result->error);
        cut(&result->error, REASON_BYTES);
        flatten_text(&result->error);
        if (result->error.len == 0)
            buf_append_text(&result->error, "the handler gave no reason");
    } else if (result_bytes(&message->value, max_output) > max_output) {
        refuse_size(talk, &result->error);
    } else {
        result->outcome = HANDLER_DONE;
        result->output_is_json = true;
        result->output_replaced = message->replaced > 0 ? message->replaced : 0;
        buf_append_slice(&result->output, message->value.text);
    }
}

static enum talk_end break_off(struct stream_slot *slot, const char *what, struct slice line)
{
    stream_refuse(&slot->reason, what, line);
    return TALK_BROKEN;
}

/* The version must come first or not at all: lines said before it would have another meaning. */
static enum talk_end take_version(struct stream_slot *slot, const struct stream_message *message,
                                  struct slice line)
{
    if (slot->version > 0 || slot->answered > 0)
        return break_off(slot, "the version must be said once, before the first answer", line);
    slot->version = message->version;
    return TALK_GOES_ON;
}

/* Acts on one line during a job. */
static enum talk_end take_line(const struct talk *talk, struct slice line)
{
    struct stream_message message;
    struct err err = {0};
    struct stream_slot *slot = talk->slot;
    if (stream_read_message(line, &message, &err) != ST_OK)
        return break_off(slot, err_text(&err), line);
    if (message.verb == STREAM_VERSION)
        return take_version(slot, &message, line);
    bool is_answer = message.verb != STREAM_LOG && message.verb != STREAM_PROGRESS;
    bool must_name =
        is_answer || (message.verb == STREAM_PROGRESS && slot->version >= STREAM_NONCES);
    if ((must_name && !stream_is_named(&message, slot->version)) ||
        !stream_is_about(&message, talk->call, slot->nonce))
        return break_off(slot, "this is not about its current job", line);
    if (is_answer && slot->child.input.len > 0)
        return break_off(slot, "it answered before it had read its job", line);
    if (is_answer)
        answer(talk, &message);
    else
        observe(talk, &message);
    return is_answer ? TALK_ANSWERED : TALK_GOES_ON;
}

/* Whether this is the beginning of a result. Searching for the bytes will do: inside a JSON string,
 * quotes would have backslashes before them. */
static bool is_result(struct slice line)
{
    static const char name[] = "\"done\"";
    size_t len = line.len < LINE_SLACK_BYTES ? line.len : LINE_SLACK_BYTES;
    return memmem(line.ptr, len, name, strlen(name)) != NULL;
}

/* For a line that is longer than any answer may be, and still has no end. */
static enum talk_end refuse_line(const struct talk *talk, struct slice line, size_t limit)
{
    struct stream_slot *slot = talk->slot;
    char size[PARSE_BYTES_MAX];
    if (is_result(line)) {
        refuse_size(talk, &slot->reason);
        return TALK_TOO_LARGE;
    }
    buf_printf(&slot->reason,
               "the handler broke the protocol: a line of its output is longer than %s (%d times "
               "%s, and 64KiB)",
               format_bytes((int64_t)limit, size), ESCAPED_MAX, exec_output_option(slot->limits));
    return TALK_BROKEN;
}

static void take_lines(struct talk *talk)
{
    struct stream_child *child = &talk->slot->child;
    size_t limit = ESCAPED_MAX * (size_t)talk->call->max_output + LINE_SLACK_BYTES;
    struct slice line;
    while (talk->end == TALK_GOES_ON && stream_child_next_line(child, &line))
        talk->end = take_line(talk, line);
    line = stream_child_partial(child);
    if (talk->end == TALK_GOES_ON && line.len > limit)
        talk->end = refuse_line(talk, line, limit);
}

/* ---- the job ---- */

static void look(struct talk *talk)
{
    struct stream_child *child = &talk->slot->child;
    bool is_told = stream_child_attend(child, talk->call->abort_fd, talk->deadline_ms);
    take_lines(talk);
    if (talk->end != TALK_GOES_ON)
        return;
    if (child->process.output < 0)
        talk->end = TALK_CLOSED;
    else if (is_told)
        talk->end = TALK_ABORTED;
    else if (talk->deadline_ms != INT64_MAX && clock_mono_ms() >= talk->deadline_ms)
        talk->end = TALK_TIMED_OUT;
    else if (stream_child_has_ended(child))
        talk->end = TALK_DIED;
}

static void converse(struct talk *talk)
{
    const struct handler_call *call = talk->call;
    int64_t now = clock_mono_ms();
    bool is_limited = call->timeout_ms > 0 && call->timeout_ms < INT64_MAX - now;
    talk->deadline_ms = is_limited ? now + call->timeout_ms : INT64_MAX;
    struct buf *input = &talk->slot->child.input;
    size_t before = input->len;
    stream_append_job(input, call, ++talk->slot->nonce);
    talk->line_len = input->len - before;
    while (talk->end == TALK_GOES_ON)
        look(talk);
}

/* The process has died. First the rest of its output is read: if its last words were the answer, it
 * has done its job. */
static void end_dead(struct talk *talk, bool is_fresh)
{
    struct stream_slot *slot = talk->slot;
    struct death death;
    bool has_read = stream_child_has_read(&slot->child, talk->line_len);
    stream_slot_reap(slot, &death);
    talk->end = TALK_GOES_ON;
    take_lines(talk);
    if (talk->end == TALK_ANSWERED) {
        slot->failures = 0;
        slot->start_ms = 0;
        return;
    }
    /* It had answered jobs before and did not touch this one, so the job is not to blame and gets
     * another process. Not if it was fresh: a handler that dies at its start would be started for
     * ever. */
    if (talk->end == TALK_GOES_ON && !has_read && !is_fresh) {
        talk->end = TALK_UNSEEN;
        return;
    }
    if (talk->end == TALK_GOES_ON) {
        buf_append_text(&slot->reason, "the handler ended before it answered: ");
        death_append(&death, slot->limits, false, &slot->reason);
    }
    bool has_exited = death.is_known && WIFEXITED(death.wait_status);
    int code = has_exited ? WEXITSTATUS(death.wait_status) : -1;
    bool is_silent = talk->end == TALK_GOES_ON;
    bool is_unable = is_silent && !has_read && code == EX_TEMPFAIL;
    slot->is_unable = is_unable;
    /* A crash counts only if it had begun to read the job. */
    talk->result->is_crash = is_silent && death.is_known && has_read && code != EXIT_CANNOT_RUN;
    talk->result->is_stop = is_silent && (code == 0 || death_is_stop(&death));
    talk->result->outcome = is_unable ? HANDLER_UNABLE : HANDLER_RETRY;
    talk->result->usage = death.usage;
    talk->end = TALK_DIED;
}

/* Ends the process, and puts the reason into the result. */
static void end_process(struct talk *talk)
{
    struct stream_slot *slot = talk->slot;
    struct stream_child *child = &slot->child;
    char timeout[PARSE_DURATION_MAX];
    struct death death;
    bool is_asked = talk->end == TALK_TIMED_OUT || talk->end == TALK_ABORTED;
    if (is_asked) {
        int64_t grace_ms = talk->end == TALK_ABORTED ? ABORT_GRACE_MS : TIMEOUT_GRACE_MS;
        stream_child_term(child);
        stream_child_wait(child, clock_mono_ms() + grace_ms);
    }
    stream_slot_reap(slot, &death);
    talk->result->usage = death.usage;
    talk->result->outcome = talk->end == TALK_ABORTED     ? HANDLER_ABORTED
                            : talk->end == TALK_TOO_LARGE ? HANDLER_BURY
                                                          : HANDLER_RETRY;
    if (talk->end == TALK_TIMED_OUT)
        buf_printf(&slot->reason, "timed out after %s",
                   format_duration_ms(talk->call->timeout_ms, timeout));
    else if (talk->end == TALK_ABORTED)
        buf_append_text(&slot->reason, "told to end");
    else if (talk->end == TALK_CLOSED)
        buf_append_text(&slot->reason,
                        "the handler closed its output before it answered, and was killed");
}

/* Puts the reason before what the process wrote to standard error. */
static void tell(struct stream_slot *slot, struct handler_result *result)
{
    flatten_text(&slot->reason);
    flatten_text(&slot->child.errors);
    buf_clear(&result->output);
    buf_append_slice(&result->error, buf_slice(&slot->reason));
    if (slot->child.errors.len > 0) {
        buf_append_text(&result->error, ": ");
        buf_append_slice(&result->error, buf_slice(&slot->child.errors));
    }
}

/* What the process used since its last answer. Asking the kernel takes a twentieth of the time of
 * the smallest job; the second question, about memory, is asked only for larger jobs. */
static void account(struct stream_slot *slot, struct handler_result *result)
{
    int64_t now_us = spawn_cpu_us(&slot->child.process);
    if (now_us < 0)
        return;
    result->usage =
        (struct usage){.is_known = true, .cpu_us = now_us - slot->cpu_us, .system_us = -1};
    if (result->usage.cpu_us >= WORTH_A_LOOK_US)
        result->usage.peak_bytes = spawn_peak(&slot->child.process);
    slot->cpu_us = now_us;
}

/* Runs the job in a process that is ready for it. */
static enum talk_end run_once(const struct stream *stream, struct stream_slot *slot,
                              const struct handler_call *call, struct handler_result *result)
{
    struct stream_child *child = &slot->child;
    struct talk talk = {.slot = slot, .call = call, .result = result};
    bool is_fresh = slot->answered == 0;
    buf_clear(&slot->reason);
    stream_child_begin(child, call->observer);
    converse(&talk);
    if (talk.end == TALK_CLOSED && stream_child_wait(child, clock_mono_ms() + CLOSED_GRACE_MS))
        talk.end = TALK_DIED;
    if (talk.end == TALK_ANSWERED) {
        account(slot, result);
        stream_slot_answered(stream, slot);
    } else if (talk.end == TALK_DIED) {
        end_dead(&talk, is_fresh);
    } else {
        end_process(&talk);
    }
    if (talk.end != TALK_ANSWERED && talk.end != TALK_UNSEEN)
        tell(slot, result);
    stream_child_begin(child, NULL);
    return talk.end;
}

void stream_run(void *state, const struct handler_call *call, struct handler_result *result)
{
    struct stream *stream = state;
    struct stream_slot *slot = stream_slot_of(stream, call->thread);
    enum talk_end end = TALK_UNSEEN;
    result->output_is_json = false;
    while (end == TALK_UNSEEN && stream_slot_ready(stream, slot, call, result))
        end = run_once(stream, slot, call, result);
}

void stream_free(void *state)
{
    struct stream *stream = state;
    command_free(stream->command);
    free(stream);
}
