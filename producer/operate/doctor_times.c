/* The part of darg doctor about the times in a queue's keys: all come from the server's clock, so
 * one that is ahead of it shows that the clock was set back. */
#include "producer/operate/doctor_rules.h"

#include "base/parse.h"
#include "queue/settings.h"

#include <stdio.h>

enum { AHEAD_MS = 5000 }; /* less would go unnoticed */

/* Calls and frees the request; NULL if it is refused, which is no reason to stop. */
static struct reply *ask(struct doctor *doctor, struct request *request)
{
    struct reply *reply = NULL;
    if (conn_call(doctor->context->conn, request, &reply, NULL) != ST_OK)
        reply = NULL;
    request_fini(request);
    return reply;
}

static int64_t server_ms(struct doctor *doctor)
{
    struct request request = {0};
    request_add_text(&request, "TIME");
    struct reply *reply = ask(doctor, &request);
    int64_t ms = reply_int(reply_at(reply, 0), 0) * 1000 + reply_int(reply_at(reply, 1), 0) / 1000;
    reply_free(reply);
    return ms;
}

static int64_t last_death_ms(struct doctor *doctor)
{
    struct request request = {0};
    request_add_text(&request, "ZREVRANGE");
    request_add_text(&request, doctor->context->queue.dead);
    request_add_int(&request, 0);
    request_add_int(&request, 0);
    request_add_text(&request, "WITHSCORES");
    struct reply *reply = ask(doctor, &request);
    int64_t ms = reply_time_ms(reply_at(reply, 1), 0);
    reply_free(reply);
    return ms == REPLY_TIME_MAX ? 0 : ms; /* no clock ever shows that */
}

static int64_t last_drain_ms(struct doctor *doctor)
{
    struct settings settings = {0};
    if (settings_read(doctor->context->conn, &doctor->context->queue, &settings, NULL) != ST_OK)
        return 0;
    return settings.drained_at == REPLY_TIME_MAX ? 0 : settings.drained_at;
}

void doctor_check_times(struct doctor *doctor)
{
    char found[PARSE_DURATION_MAX + 64], ahead[PARSE_DURATION_MAX];
    int64_t death_ms = last_death_ms(doctor), drain_ms = last_drain_ms(doctor);
    int64_t now_ms = server_ms(doctor), last_ms = death_ms > drain_ms ? death_ms : drain_ms;
    if (now_ms == 0 || last_ms - now_ms < AHEAD_MS)
        return;
    snprintf(found, sizeof found, "set back by %s or more",
             format_duration_ms((last_ms - now_ms) / 1000 * 1000, ahead));
    doctor->say(doctor, "the clock of Redis", DOCTOR_NOTE, found,
                "jobs that were delayed, or due for a retry, before that wait that much longer");
}
