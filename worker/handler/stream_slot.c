/* Keeps a thread's process ready for the next job: starts, replaces and ends it. */
#include "worker/handler/stream_slot.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/flatten.h"
#include "base/parse.h"
#include "worker/handler/stream_message.h"

enum {
    QUOTED_BYTES = 80,      /* of a bad line quoted in the reason */
    RETIRE_GRACE_MS = 1000, /* after closing its input, and again after TERM */
    FIRST_PAUSE_MS = 100,   /* before replacing a process that answered nothing; doubles */
    LONGEST_PAUSE_MS = 10000,
    IDLE_LINES_MAX = 100,       /* that a process without a job may log until its next one */
    IDLE_LINE_BYTES = 64 << 10, /* that such a process may write without ending the line */
    LINE_END_MS = 1000,         /* how long a job waits for such a line to end */
};

struct stream_slot *stream_slot_of(struct stream *stream, size_t thread)
{
    ensure(thread < STREAM_THREADS_MAX, "there is no thread %zu", thread);
    if (!stream->slots[thread]) {
        stream->slots[thread] = mem_new(sizeof *stream->slots[thread]);
        stream->slots[thread]->limits = stream->command->limits;
    }
    return stream->slots[thread];
}

void stream_refuse(struct buf *reason, const char *what, struct slice line)
{
    size_t len = line.len < QUOTED_BYTES ? line.len : QUOTED_BYTES;
    buf_printf(reason, "the handler broke the protocol: %s: ", what);
    buf_append(reason, line.ptr, len);
    if (len < line.len)
        buf_append_text(reason, "...");
}

/* ---- the end of a process ---- */

static void note_end(struct stream_slot *slot)
{
    slot->failures = slot->answered > 0 ? 0 : slot->failures + 1;
    int64_t pause_ms = 0;
    if (slot->failures > 0)
        /* The shift is limited so that it cannot overflow. */
        pause_ms = FIRST_PAUSE_MS << (slot->failures < 8 ? slot->failures - 1 : 7);
    slot->start_ms = clock_mono_ms() + (pause_ms < LONGEST_PAUSE_MS ? pause_ms : LONGEST_PAUSE_MS);
}

/* What it used in total is known only now, and is for all its jobs together. */
static void log_end(const struct stream_slot *slot, const struct death *death)
{
    const struct usage *usage = &death->usage;
    if (usage->is_known)
        log_fields(LOG_DEBUG, "a handler's process ended", LOG_STR("program", slot->child.program),
                   LOG_INT("answered", slot->answered), LOG_INT("cpu_ms", usage->cpu_us / 1000),
                   LOG_INT("peak_kib", usage->peak_bytes / 1024));
}

void stream_slot_reap(struct stream_slot *slot, struct death *death)
{
    stream_child_reap(&slot->child, death);
    note_end(slot);
    log_end(slot, death);
}

/* Ends a process gently: it has done nothing wrong, or nobody waits for it. */
static void retire(struct stream_slot *slot)
{
    struct stream_child *child = &slot->child;
    struct death ignored;
    stream_child_ask(child);
    if (!stream_child_wait(child, clock_mono_ms() + RETIRE_GRACE_MS)) {
        stream_child_term(child);
        stream_child_wait(child, clock_mono_ms() + RETIRE_GRACE_MS);
    }
    stream_slot_reap(slot, &ignored);
}

/* Resident memory in bytes, from the second number in statm, which counts pages; 0: not known. */
static int64_t read_rss(pid_t pid)
{
    char text[128];
    snprintf(text, sizeof text, "/proc/%d/statm", (int)pid);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return 0;
    text[got] = 0;
    int64_t pages = 0;
    const char *second = strchr(text, ' ');
    if (second)
        parse_digits(slice_of(second + 1), 15, &pages);
    return pages * sysconf(_SC_PAGESIZE);
}

/* A process that is used up is told so at once, after its answer, so that it has gone by the time
 * the next job comes. */
void stream_slot_answered(const struct stream *stream, struct stream_slot *slot)
{
    slot->answered++;
    bool is_used_up = stream->max_jobs > 0 && slot->answered >= stream->max_jobs;
    if (!is_used_up && stream->max_rss > 0)
        is_used_up = read_rss(slot->child.process.pid) > stream->max_rss;
    if (is_used_up) {
        slot->is_asked = true;
        stream_child_ask(&slot->child);
    }
}

/* ---- a process for the job ---- */

/* Logs a line of a process without a job, up to a limit. */
static void log_said(struct stream_slot *slot, const struct stream_message *message)
{
    struct buf text = {0};
    if (!log_enabled(message->level) || ++slot->said > IDLE_LINES_MAX)
        return;
    json_decode_string(message->value.text, &text);
    log_fields(message->level, "message from a handler", LOG_STR("program", slot->child.program),
               LOG_SLICE("said", buf_slice(&text)));
    buf_fini(&text);
}

/* Appends the reason if the line is not one that an idle process may write. */
static void judge_line(struct stream_slot *slot, struct slice line)
{
    struct stream_message message;
    struct err err = {0};
    if (stream_read_message(line, &message, &err) != ST_OK)
        stream_refuse(&slot->reason, err_text(&err), line);
    else if (message.verb != STREAM_LOG)
        stream_refuse(&slot->reason, "it had no job", line);
    else
        log_said(slot, &message);
}

/* Lets it finish the line that it is writing. */
static void await_line_end(struct stream_child *child)
{
    int64_t until_ms = clock_mono_ms() + LINE_END_MS;
    struct slice part = stream_child_partial(child);
    while (part.len > 0 && !memchr(part.ptr, '\n', part.len) && child->process.output >= 0 &&
           clock_mono_ms() < until_ms) {
        (void)stream_child_attend(child, -1, until_ms);
        part = stream_child_partial(child);
    }
}

/* Reads what an idle process has said, which may be lines for the log only. All of it must be read
 * before the process gets a job, or it would be attributed to that job. False: it must be
 * replaced. */
static bool is_well_behaved(struct stream_slot *slot, bool has_job)
{
    struct stream_child *child = &slot->child;
    struct slice line;
    buf_clear(&slot->reason);
    bool is_all = !stream_child_has_written(child) || stream_child_catch_up(child);
    if (is_all && has_job)
        await_line_end(child);
    while (slot->reason.len == 0 && stream_child_next_line(child, &line))
        judge_line(slot, line);
    size_t rest = stream_child_partial(child).len;
    if (slot->reason.len == 0 && !is_all)
        buf_append_text(&slot->reason, "it keeps writing while it has no job");
    else if (slot->reason.len == 0 && rest > (has_job ? 0 : IDLE_LINE_BYTES))
        buf_append_text(&slot->reason, "it wrote a line without an end while it had no job");
    if (slot->reason.len == 0)
        return true;
    flatten_text(&slot->reason);
    log_fields(LOG_WARN, "replacing an idle handler", LOG_STR("program", child->program),
               LOG_SLICE("error", buf_slice(&slot->reason)));
    return false;
}

/* Ends the thread's process if it is not fit for a job; has_job: there is one now. */
static void sort_out(struct stream_slot *slot, bool has_job)
{
    struct stream_child *child = &slot->child;
    struct death ignored;
    if (slot->is_asked) {
        retire(slot);
        return;
    }
    bool is_fit = is_well_behaved(slot, has_job);
    if (is_fit && (stream_child_has_ended(child) || child->process.output < 0))
        log_fields(LOG_WARN, "an idle handler ended: replacing it",
                   LOG_STR("program", child->program));
    else if (is_fit)
        return;
    stream_slot_reap(slot, &ignored);
}

/* Waits until a process may be started. False: told to end meanwhile. */
static bool await_start(const struct stream_slot *slot, int abort_fd)
{
    for (;;) {
        int64_t left_ms = slot->start_ms - clock_mono_ms();
        struct pollfd abort = {.fd = abort_fd, .events = POLLIN};
        if (poll(&abort, 1, left_ms > 0 ? (int)left_ms : 0) > 0)
            return false;
        if (left_ms <= 0)
            return true;
    }
}

bool stream_slot_ready(const struct stream *stream, struct stream_slot *slot,
                       const struct handler_call *call, struct handler_result *result)
{
    struct err err = {0};
    if (slot->child.is_running)
        sort_out(slot, true);
    slot->said = 0;
    if (slot->child.is_running) {
        spawn_renew(&slot->child.process, slot->limits);
        return true;
    }
    if (slot->is_unable && clock_mono_ms() < slot->start_ms) {
        buf_append_text(
            &result->error,
            "the handler could not be started for lack of resources; trying again later");
        result->outcome = HANDLER_UNABLE;
        return false;
    }
    if (!await_start(slot, call->abort_fd)) {
        buf_append_text(&result->error, "told to end");
        result->outcome = HANDLER_ABORTED;
        return false;
    }
    if (stream_child_start(&slot->child, stream->command, &err) != ST_OK) {
        buf_append_text(&result->error, err_text(&err));
        result->outcome = HANDLER_UNABLE;
        return false;
    }
    slot->answered = slot->cpu_us = slot->version = 0;
    slot->is_asked = slot->is_unable = false;
    stream_append_hello(&slot->child.input, call->job->type);
    return true;
}

/* ---- between jobs ---- */

/* A process that was asked to end is given time to do so. */
void stream_attend(void *state, size_t thread)
{
    const struct stream *stream = state;
    struct stream_slot *slot = thread < STREAM_THREADS_MAX ? stream->slots[thread] : NULL;
    if (!slot || !slot->child.is_running)
        return;
    if (!slot->is_asked || stream_child_has_ended(&slot->child))
        sort_out(slot, false);
}

/* ---- the end of a thread ---- */

void stream_leave(void *state, size_t thread, enum handler_leave step, int64_t until_ms)
{
    struct stream *stream = state;
    struct stream_slot *slot = thread < STREAM_THREADS_MAX ? stream->slots[thread] : NULL;
    struct death ignored;
    if (!slot)
        return;
    struct stream_child *child = &slot->child;
    if (child->is_running && step == LEAVE_ASK)
        stream_child_ask(child);
    else if (child->is_running && step == LEAVE_TERM && !stream_child_wait(child, until_ms))
        stream_child_term(child);
    if (step != LEAVE_KILL)
        return;
    if (child->is_running) {
        stream_child_wait(child, until_ms);
        stream_slot_reap(slot, &ignored);
    }
    stream_child_fini(child);
    buf_fini(&slot->reason);
    free(slot);
    stream->slots[thread] = NULL;
}
