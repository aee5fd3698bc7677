/* The keeper and the running jobs: stops those that producers have cancelled, and reports which
 * have been running for long and how far they are. */
#include "worker/keeper/keeper_state.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "queue/report.h"

enum {
    /* Shorter jobs are not reported: they would be over before anybody reads it. */
    TOLD_AFTER_MS = 700,
    TOLD_MAX = 200, /* jobs in one report */
    TELL_MS = 5000, /* how often an unchanged report is repeated */
    TELL_TTL_MS = 15000,
};

static bool is_of(const struct running_job *now, const struct session *session)
{
    return now->activity.run.queue == session->slot &&
           now->activity.run.generation == session->generation;
}

/* --- cancelled jobs ------------------------------------------------------------------------ */

struct hunt {
    const struct session *session;
    const char *ids[LEASE_CANCEL_MAX];
    size_t count;
};

static bool is_hunted(void *context, const struct running_job *now)
{
    const struct hunt *hunt = context;
    if (!is_of(now, hunt->session))
        return false;
    for (size_t i = 0; i < hunt->count; i++) {
        if (strcmp(now->job->id, hunt->ids[i]) != 0)
            continue;
        log_fields(LOG_INFO, "a job is cancelled: stopping it",
                   LOG_STR("queue", hunt->session->lease.queue->name), LOG_STR("id", now->job->id),
                   LOG_STR("type", now->job->type));
        return true;
    }
    return false;
}

void keeper_stop_cancelled(struct keeper *self, struct ward *ward, struct session *session)
{
    struct hunt hunt = {.session = session, .count = ward->state->cancelled_count};
    for (size_t i = 0; i < hunt.count; i++)
        hunt.ids[i] = ward->state->cancelled[i];
    if (hunt.count == 0)
        return;
    /* Waiting jobs first, since they may start meanwhile. One that slips between the two steps is
     * met at the next tick. */
    session_cancel(session, hunt.ids, hunt.count);
    running_each(self->options.running, is_hunted, &hunt);
}

/* --- the report ---------------------------------------------------------------------------- */

struct report {
    const struct session *session;
    int64_t now_us;
    struct buf text;
    size_t count;
};

static bool append_running(void *context, const struct running_job *now)
{
    struct report *report = context;
    int64_t run_ms = (report->now_us - now->activity.started_us) / 1000;
    if (!is_of(now, report->session) || run_ms < TOLD_AFTER_MS || report->count == TOLD_MAX)
        return false;
    struct buf *out = &report->text;
    report->count++;
    buf_append_text(out, "{\"number\":");
    buf_append_int(out, now->activity.run.number);
    buf_append_text(out, ",\"id\":");
    json_append_string(out, slice_of(now->job->id));
    buf_append_text(out, ",\"since_ms\":");
    /* In whole seconds: our estimate of the server's clock wavers by milliseconds, and each change
     * would be news to report. */
    int64_t since_ms = session_server_ms(report->session) - run_ms;
    buf_append_int(out, since_ms - since_ms % 1000);
    if (now->progress.len > 0) {
        buf_append_text(out, ",\"progress\":");
        buf_append_slice(out, now->progress);
    }
    buf_append_text(out, "}\n");
    return false;
}

void keeper_tell_running(struct keeper *self, struct ward *ward, const struct session *session)
{
    struct err err = {0};
    struct report report = {.session = session, .now_us = clock_mono_us()};
    running_each(self->options.running, append_running, &report);
    bool is_news = !slice_equal(buf_slice(&report.text), buf_slice(&ward->told));
    bool is_old = report.count > 0 && clock_mono_ms() - ward->told_ms >= TELL_MS;
    /* For information only: a Redis user without the right to write it can still work. */
    if ((is_news || is_old) && report_write(self->conn, session->lease.queue, session->lease.worker,
                                            buf_slice(&report.text), TELL_TTL_MS, &err) != ST_OK)
        log_printf(LOG_DEBUG, "cannot publish the running jobs: %s", err_text(&err));
    if (is_news || is_old)
        ward->told_ms = clock_mono_ms();
    buf_clear(&ward->told);
    buf_append_slice(&ward->told, buf_slice(&report.text));
    buf_fini(&report.text);
}
