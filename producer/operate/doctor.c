/* darg doctor: does this Redis keep what darg promises? */
#include "producer/operate/commands.h"
#include "producer/operate/doctor_rules.h"
#include "producer/shared/document.h"
#include "producer/shared/table.h"

#include <string.h>

struct visit {
    struct doctor doctor; /* first: say() gets back to the visit by it */
    struct table table;
    struct json_writer json; /* if wanted instead of a table */
    size_t wrong;
};

static void say(struct doctor *doctor, const char *what, enum doctor_level level, const char *found,
                const char *advice)
{
    static const char *const words[] = {[DOCTOR_OK] = "ok",
                                        [DOCTOR_NOTE] = "note",
                                        [DOCTOR_UNKNOWN] = "unknown",
                                        [DOCTOR_WRONG] = "WRONG"};
    struct visit *visit = (struct visit *)doctor;
    visit->wrong += level == DOCTOR_WRONG;
    if (doctor->context->is_json) {
        struct json_writer *json = &visit->json;
        json_open_object(json, NULL);
        json_put_text(json, "what", slice_of(what));
        json_put_text(json, "level", slice_of(words[level]));
        json_put_text(json, "found", slice_of(found));
        json_put_text(json, "advice", slice_of(advice));
        json_close_object(json);
        return;
    }
    table_add_text(&visit->table, words[level]);
    table_add_text(&visit->table, what);
    table_add_text(&visit->table, found);
    table_add_text(&visit->table, advice);
}

static enum status read_info(struct doctor *doctor, struct err *err)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct buf ignored = {0};
    request_add_text(&request, "INFO");
    enum status status = conn_call(doctor->context->conn, &request, &reply, err);
    if (status == ST_OK)
        buf_append_slice(&doctor->info, reply_slice(reply));
    reply_free(reply);
    request_fini(&request);
    doctor->may_config = doctor_config(doctor, "timeout", &ignored);
    buf_fini(&ignored);
    return conn_is_connected(doctor->context->conn) ? ST_OK : status;
}

/* A Sentinel knows where the data is, but has none itself. */
static bool is_sentinel(struct doctor *doctor)
{
    if (!slice_is(doctor_info(doctor, "redis_mode"), "sentinel") &&
        !slice_is(doctor_info(doctor, "server_mode"), "sentinel")) /* its name in Valkey */
        return false;
    say(doctor, "server", DOCTOR_WRONG, "a Sentinel",
        "it holds no data: connect to the primary that it names (SENTINEL "
        "GET-MASTER-ADDR-BY-NAME)");
    return true;
}

static enum status look(struct doctor *doctor, struct err *err)
{
    enum status status = read_info(doctor, err);
    if (status != ST_OK || is_sentinel(doctor))
        return status;
    if (doctor->info.len == 0)
        say(doctor, "INFO", DOCTOR_UNKNOWN, "refused", "much could not be checked");
    if (!doctor->may_config)
        say(doctor, "CONFIG", DOCTOR_UNKNOWN, "refused",
            "checked only as far as INFO tells: run this as an administrator, too");
    status = doctor_apply_rules(doctor, err);
    if (status != ST_OK)
        return status;
    doctor_check_times(doctor);
    doctor_try_script(doctor);
    doctor_check_access(doctor);
    return ST_OK;
}

static int report(struct visit *visit)
{
    struct doctor *doctor = &visit->doctor;
    struct err err = {0};
    json_open_array(&visit->json, NULL);
    enum status status = look(doctor, &err);
    json_close_array(&visit->json);
    if (doctor->context->is_json)
        document_print(&visit->json);
    else
        table_print(&visit->table);
    json_writer_fini(&visit->json);
    if (status != ST_OK)
        return context_fail(&err);
    return visit->wrong == 0 ? DARG_OK : DARG_FAILED;
}

static int run(struct context *context, const void *options)
{
    static const char *const heads[] = {"STATE", "WHAT", "FOUND", "ADVICE", NULL};
    struct visit visit = {.doctor = {.context = context, .say = say}};
    (void)options;
    table_init(&visit.table, heads);
    int code = report(&visit);
    table_fini(&visit.table);
    buf_fini(&visit.doctor.info);
    return code;
}

const struct command doctor_command = {
    .name = "doctor",
    .title = "look for settings of Redis that endanger jobs",
    .usage = "[options]",
    .summary = "Checks the settings and the state of Redis, and what this user may do there\n"
               "(with the queue's keys), and says what endangers jobs. Runs a script that\n"
               "pushes nothing. Changes nothing. Exit code 1: something is WRONG.",
    .examples = "  darg doctor\n  darg doctor -r redis://worker:secret@host -q mail --json\n",
    .needs = NEEDS_QUEUE | NEEDS_JSON | NEEDS_CONNECTION,
    .run = run,
};
