/* The rules of darg doctor: a setting or figure of Redis, and which promise it breaks. */
#include "producer/operate/doctor_rules.h"

#include "base/clock.h"
#include "base/parse.h"
#include "job/job.h"
#include "redis/server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PINGS = 20, SLOW_US = 10000, CLOCK_APART_MS = 2000, VALUE_MAX = 512 };

/* ---- asking ---- */

struct slice doctor_info(const struct doctor *doctor, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = buf_text(&doctor->info); line != NULL;) {
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            return (struct slice){line + len + 1, strcspn(line + len + 1, "\r\n")};
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return (struct slice){0};
}

int64_t doctor_info_int(const struct doctor *doctor, const char *name, int64_t fallback)
{
    int64_t value = fallback;
    struct slice text = doctor_info(doctor, name);
    return parse_int(text, 0, INT64_MAX, &value, NULL) == ST_OK ? value : fallback;
}

bool doctor_config(struct doctor *doctor, const char *name, struct buf *out)
{
    struct request request = {0};
    struct reply *reply = NULL;
    request_add_text(&request, "CONFIG");
    request_add_text(&request, "GET");
    request_add_text(&request, name);
    enum status status = conn_call(doctor->context->conn, &request, &reply, NULL);
    bool is_known = status == ST_OK && reply_count(reply) == 2;
    if (is_known)
        buf_append_slice(out, reply_slice(reply_at(reply, 1)));
    reply_free(reply);
    request_fini(&request);
    return is_known;
}

static void say(struct doctor *doctor, const char *what, enum doctor_level level,
                const char *advice, const char *format, ...) PRINTF_LIKE(5, 6);
static void say(struct doctor *doctor, const char *what, enum doctor_level level,
                const char *advice, const char *format, ...)
{
    char found[VALUE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(found, sizeof found, format, args);
    va_end(args);
    doctor->say(doctor, what, level, found, level == DOCTOR_OK ? "" : advice);
}

/* INFO has it, too, if CONFIG is forbidden. */
static char *either(struct doctor *doctor, const char *setting, const char *info)
{
    struct buf value = {0};
    if (!doctor_config(doctor, setting, &value) && info != NULL)
        buf_append_slice(&value, doctor_info(doctor, info));
    return buf_take(&value);
}

static bool is_text(const char *text, const char *other)
{
    return text != NULL && strcmp(text, other) == 0;
}

static bool is_unknown(const char *text)
{
    return text == NULL || text[0] == '\0';
}

static int64_t number_of(const char *text)
{
    int64_t value = 0;
    return text != NULL && parse_int(slice_of(text), 0, INT64_MAX, &value, NULL) == ST_OK ? value
                                                                                          : 0;
}

/* ---- the rules ---- */

static void rule_version(struct doctor *doctor)
{
    struct slice valkey = doctor_info(doctor, "valkey_version");
    struct slice version = doctor_info(doctor, "redis_version");
    int64_t major = 0;
    bool is_old = valkey.ptr == NULL && parse_digits(version, 3, &major) > 0 && major < 7;
    if (version.ptr == NULL) {
        say(doctor, "version", DOCTOR_UNKNOWN, "INFO does not say: it must be 7.0 or Valkey",
            "unknown");
        return;
    }
    say(doctor, "version", is_old ? DOCTOR_WRONG : DOCTOR_OK,
        "the scripts need Redis 7.0 or Valkey", "%s %.*s", valkey.ptr ? "Valkey" : "Redis",
        (int)(valkey.ptr ? valkey.len : version.len), valkey.ptr ? valkey.ptr : version.ptr);
}

static void rule_role(struct doctor *doctor)
{
    bool is_replica = slice_is(doctor_info(doctor, "role"), "slave");
    if (doctor_info(doctor, "role").ptr == NULL) {
        say(doctor, "role", DOCTOR_UNKNOWN, "INFO does not say: a replica refuses all writes",
            "unknown");
        return;
    }
    say(doctor, "role", is_replica ? DOCTOR_WRONG : DOCTOR_OK,
        "all writes are refused: connect to the primary", "%s",
        is_replica ? "a read-only replica" : "primary");
    if (doctor_info_int(doctor, "cluster_enabled", 0) == 1)
        say(doctor, "cluster", DOCTOR_NOTE,
            "redirects are not followed: a queue works only on the node that has its slot",
            "cluster mode");
    char *wanted = either(doctor, "min-replicas-to-write", NULL);
    int64_t replicas = doctor_info_int(doctor, "connected_slaves", 0);
    int64_t least = number_of(wanted);
    if (!is_replica && least > replicas)
        say(doctor, "replicas", DOCTOR_WRONG,
            "writes are refused (NOREPLICAS): start replicas, or lower min-replicas-to-write",
            "%" PRId64 " of at least %" PRId64, replicas, least);
    else if (!is_replica && replicas > 0 && least == 0 && doctor->may_config)
        say(doctor, "replicas", DOCTOR_NOTE,
            "a failover may lose what was not replicated: min-replicas-to-write 1 narrows that",
            "%" PRId64 ", and no write waits for one", replicas);
    free(wanted);
}

static void rule_eviction(struct doctor *doctor)
{
    char *policy = either(doctor, "maxmemory-policy", "maxmemory_policy");
    bool is_well = is_text(policy, "noeviction");
    say(doctor, "maxmemory-policy",
        is_unknown(policy) ? DOCTOR_UNKNOWN
        : is_well          ? DOCTOR_OK
                           : DOCTOR_WRONG,
        is_unknown(policy)
            ? "neither CONFIG nor INFO is allowed: it must be noeviction"
            : "a full Redis throws jobs away: CONFIG SET maxmemory-policy noeviction",
        "%s", is_unknown(policy) ? "not checked" : policy);
    free(policy);
    int64_t used = doctor_info_int(doctor, "used_memory", 0);
    int64_t limit = doctor_info_int(doctor, "maxmemory", 0);
    if (limit > 0)
        say(doctor, "memory", used > limit / 10 * 9 ? DOCTOR_WRONG : DOCTOR_OK,
            "pushes are refused at 100 %: raise maxmemory, or let workers catch up",
            "%" PRId64 " %% of maxmemory", used * 100 / limit);
}

static void rule_persistence(struct doctor *doctor)
{
    char *aof = either(doctor, "appendonly", NULL), *sync = either(doctor, "appendfsync", NULL);
    struct buf save = {0};
    bool is_known = doctor_config(doctor, "save", &save);
    bool is_aof = is_text(aof, "yes") || doctor_info_int(doctor, "aof_enabled", 0) == 1;
    if (!is_aof && !is_known && is_unknown(aof) && doctor_info(doctor, "aof_enabled").ptr == NULL)
        say(doctor, "persistence", DOCTOR_UNKNOWN,
            "neither CONFIG nor INFO is allowed: it should be appendonly yes", "not checked");
    else if (is_aof)
        say(doctor, "persistence",
            is_unknown(sync)      ? DOCTOR_UNKNOWN
            : is_text(sync, "no") ? DOCTOR_NOTE
                                  : DOCTOR_OK,
            is_unknown(sync) ? "CONFIG is not allowed: appendfsync should be everysec or always"
                             : "the kernel decides what a power cut takes: appendfsync everysec",
            "appendonly, appendfsync %s", is_unknown(sync) ? "not checked" : sync);
    else if (is_known && save.len == 0)
        say(doctor, "persistence", DOCTOR_WRONG,
            "a restart of Redis loses all jobs: appendonly yes", "none");
    else
        say(doctor, "persistence", is_known ? DOCTOR_NOTE : DOCTOR_UNKNOWN,
            is_known ? "a crash loses all since the last snapshot: appendonly yes"
                     : "CONFIG is not allowed: whether there are snapshots is not known",
            "appendonly no%s%s", is_known ? ", save " : "", buf_text(&save));
    static const char *const writes[] = {"aof_last_write_status", "rdb_last_bgsave_status"};
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        struct slice word = doctor_info(doctor, writes[i]);
        if (word.ptr != NULL && !slice_is(word, "ok"))
            say(doctor, writes[i], DOCTOR_WRONG,
                "saving to disk fails, so writes are refused (MISCONF): look at the server's log",
                "%.*s", (int)word.len, word.ptr);
    }
    free(aof);
    free(sync);
    buf_fini(&save);
}

static void rule_clients(struct doctor *doctor)
{
    char *most = either(doctor, "maxclients", "maxclients");
    char *timeout = either(doctor, "timeout", NULL);
    int64_t used = doctor_info_int(doctor, "connected_clients", 0);
    int64_t limit = number_of(most);
    if (limit > 0)
        say(doctor, "clients", used > limit / 10 * 8 ? DOCTOR_NOTE : DOCTOR_OK,
            "workers are refused beyond maxclients: a process opens 2, and one for each queue",
            "%" PRId64 " of %" PRId64, used, limit);
    if (is_unknown(timeout))
        say(doctor, "timeout", DOCTOR_UNKNOWN, "CONFIG is not allowed: it should be 0 or above 10",
            "not checked");
    else
        say(doctor, "timeout",
            number_of(timeout) > 0 && number_of(timeout) <= 10 ? DOCTOR_NOTE : DOCTOR_OK,
            "idle workers keep reconnecting: set 0, or more than 10", "%s s", timeout);
    free(most);
    free(timeout);
}

/* Of "normal HARD SOFT SECONDS slave ...": the smaller of the two that is set, or 0 if none is. */
static bool read_output_limit(const char *setting, int64_t *bytes)
{
    static const char name[] = "normal ";
    const char *normal = setting == NULL ? NULL : strstr(setting, name);
    if (normal == NULL)
        return false;
    char *after_hard, *after_soft;
    int64_t hard = strtoll(normal + strlen(name), &after_hard, 10);
    int64_t soft = strtoll(after_hard, &after_soft, 10);
    if (after_hard == normal + strlen(name) || after_soft == after_hard)
        return false;
    *bytes = soft > 0 && (hard == 0 || soft < hard) ? soft : hard;
    return true;
}

/* The answer to a claim is complete only after the job with which it exceeds a mebibyte. */
static void rule_output(struct doctor *doctor)
{
    enum { CLAIM_BYTES = 1 << 20 };
    char *setting = either(doctor, "client-output-buffer-limit", NULL);
    char text[PARSE_BYTES_MAX];
    int64_t bytes;
    if (!read_output_limit(setting, &bytes))
        say(doctor, "output-buffer", DOCTOR_UNKNOWN,
            "CONFIG is not allowed: client-output-buffer-limit should be normal 0 0 0",
            "not checked");
    else
        say(doctor, "output-buffer",
            bytes == 0 || bytes > CLAIM_BYTES + JOB_DEFAULT_MAX_BYTES ? DOCTOR_OK
            : bytes > JOB_DEFAULT_MAX_BYTES                           ? DOCTOR_NOTE
                                                                      : DOCTOR_WRONG,
            bytes > JOB_DEFAULT_MAX_BYTES
                ? "claims are cut short, and repeated for less: client-output-buffer-limit normal "
                  "0 0 0"
                : "larger jobs reach no worker, and are buried: client-output-buffer-limit normal "
                  "0 0 0",
            "%s", bytes == 0 ? "no limit" : format_bytes(bytes, text));
    free(setting);
}

static void rule_password(struct doctor *doctor)
{
    const struct redis_url *url = &doctor->context->url;
    bool is_near = url->transport != REDIS_TCP || is_text(url->host, "localhost") ||
                   is_text(url->host, "::1") || strncmp(url->host, "127.", 4) == 0;
    if (url->password == NULL && !is_near)
        say(doctor, "password", DOCTOR_WRONG,
            "anyone who reaches the port can read and destroy all jobs: set requirepass, or use "
            "ACL users",
            "none is required at %s", url->host);
    else
        say(doctor, "password", DOCTOR_OK, "", "%s",
            url->password != NULL ? "required" : "none, on a local address");
}

static int compare_numbers(const void *a, const void *b)
{
    const int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

/* Asks; ST_OK even if that is refused: only a lost link ends the check. */
static enum status ask(struct doctor *doctor, const char *command, struct reply **reply,
                       struct err *answer, struct err *err)
{
    struct request request = {0};
    request_add_text(&request, command);
    answer->status = conn_call(doctor->context->conn, &request, reply, answer);
    request_fini(&request);
    return conn_is_connected(doctor->context->conn)
               ? ST_OK
               : err_set(err, answer->status, "%s", err_text(answer));
}

static enum status rule_clock(struct doctor *doctor, struct err *err)
{
    struct reply *reply = NULL;
    struct err answer = {0};
    enum status status = ask(doctor, "TIME", &reply, &answer, err);
    if (status != ST_OK)
        return status;
    int64_t apart_ms = reply_int(reply_at(reply, 0), 0) * 1000 +
                       reply_int(reply_at(reply, 1), 0) / 1000 - clock_wall_ms();
    reply_free(reply);
    if (answer.status == ST_OK)
        say(doctor, "clock", llabs(apart_ms) > CLOCK_APART_MS ? DOCTOR_NOTE : DOCTOR_OK,
            "darg keeps to Redis's clock, but expires_at and logs of this machine are off: use NTP",
            "%" PRId64 " ms apart", apart_ms);
    else
        say(doctor, "clock",
            server_lacks_command(answer.status, &answer) ? DOCTOR_WRONG : DOCTOR_UNKNOWN,
            "the scripts need TIME", "%s", err_text(&answer));
    return ST_OK;
}

static enum status rule_latency(struct doctor *doctor, struct err *err)
{
    int64_t took_us[PINGS];
    for (int i = 0; i < PINGS; i++) {
        struct reply *reply = NULL;
        struct err answer = {0};
        int64_t start_us = clock_mono_us();
        enum status status = ask(doctor, "PING", &reply, &answer, err);
        took_us[i] = clock_mono_us() - start_us;
        reply_free(reply);
        if (status != ST_OK)
            return status;
    }
    qsort(took_us, PINGS, sizeof took_us[0], compare_numbers);
    say(doctor, "latency", took_us[PINGS / 2] > SLOW_US ? DOCTOR_NOTE : DOCTOR_OK,
        "jobs wait for the network: run workers near Redis", "%" PRId64 " us", took_us[PINGS / 2]);
    return ST_OK;
}

enum status doctor_apply_rules(struct doctor *doctor, struct err *err)
{
    rule_version(doctor);
    rule_role(doctor);
    rule_eviction(doctor);
    rule_persistence(doctor);
    rule_clients(doctor);
    rule_output(doctor);
    rule_password(doctor);
    enum status status = rule_latency(doctor, err);
    return status == ST_OK ? rule_clock(doctor, err) : status;
}
