#include "worker/flow/outage.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"

enum { MINUTE_MS = 60 * 1000 };

static uint64_t hash(uint64_t value, const char *text)
{
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * 1099511628211u; /* FNV-1a */
    return value;
}

/* True if this was logged within the present minute, or too many other lines were. Hashes instead
 * of texts: a collision only loses a line of log. */
static bool is_said(struct outage *outage, const char *what, const char *error)
{
    uint64_t line = hash(hash(14695981039346656037u, what), error);
    for (size_t i = 0; i < outage->said_count; i++)
        if (outage->said[i] == line)
            return true;
    if (outage->said_count == OUTAGE_TEXTS_MAX)
        return true;
    outage->said[outage->said_count++] = line;
    return false;
}

static void say(enum log_level level, const struct outage *outage, const char *what,
                const char *queue, const char *error)
{
    char text[PARSE_DURATION_MAX];
    int64_t lasted_ms = clock_mono_ms() - outage->since_ms;
    const char *lasted = lasted_ms < 1000 ? NULL : format_duration_ms(lasted_ms, text);
    log_fields(level, what, LOG_STR("queue", queue), LOG_STR("error", error),
               LOG_STR("for", lasted));
}

/* Only once a minute: a server that closes every link is an outage. */
static bool is_forgiven(struct outage *outage, const struct conn *conn, int64_t now_ms)
{
    if (outage->since_ms != 0 || !conn_was_closed(conn) ||
        (outage->forgiven_ms != 0 && now_ms - outage->forgiven_ms < MINUTE_MS))
        return false;
    outage->forgiven_ms = now_ms;
    return true;
}

void outage_meet(struct outage *outage, const struct conn *conn, const char *what,
                 const char *queue, const struct err *err)
{
    int64_t now_ms = clock_mono_ms();
    if (is_forgiven(outage, conn, now_ms)) {
        log_fields(LOG_DEBUG, what, LOG_STR("queue", queue), LOG_STR("error", err_text(err)));
        return;
    }
    if (outage->since_ms == 0) {
        outage->since_ms = outage->minute_ms = now_ms;
        outage->said_count = 0;
    } else if (now_ms - outage->minute_ms >= MINUTE_MS) {
        outage->minute_ms = now_ms;
        outage->said_count = 0;
    }
    if (!is_said(outage, what, err_text(err)))
        say(LOG_WARN, outage, what, queue, err_text(err));
}

void outage_end(struct outage *outage, const char *what, const char *queue)
{
    if (outage->since_ms == 0)
        return;
    say(LOG_INFO, outage, what, queue, NULL);
    outage->since_ms = 0;
}
