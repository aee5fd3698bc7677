/* The final proof: a script, called as producers and workers call theirs. */
#include "producer/operate/doctor_rules.h"

#include "queue/push.h"
#include "redis/server.h"

/* What to do about it. The rules and the check of what this user may do have advice of their
 * own. */
static const char *advice_of(enum status status, const struct err *err)
{
    if (server_lacks_command(status, err))
        return "EVALSHA, and EVAL or SCRIPT LOAD, must work: look for rename-command, or for a "
               "proxy that does not pass them on";
    switch ((int)status) {
    case ST_CLUSTER:
        return "connect to the node that has this queue's slot; redirects are not followed";
    case ST_READONLY:
    case ST_MASTERDOWN:
        return "connect to the primary";
    case ST_OOM:
        return "pushes are refused: raise maxmemory, or let workers catch up";
    case ST_MISCONF:
        return "writes are refused: look at the server's log and disk";
    case ST_NOREPLICAS:
        return "writes are refused: start replicas, or lower min-replicas-to-write";
    case ST_NOPERM:
        return "without scripts producers can only LPUSH, and workers do nothing";
    default:
        return "nothing works without scripts: they need Redis 7.0 or Valkey";
    }
}

void doctor_try_script(struct doctor *doctor)
{
    struct err err = {0};
    size_t accepted = 0;
    int64_t length = 0;
    enum status status = push_call(doctor->context->conn, &doctor->context->queue, NULL, 0,
                                   &accepted, &length, &err);
    bool is_passing = status == ST_LOADING || status == ST_BUSY || status == ST_LOST_REPLY;
    if (status == ST_OK)
        doctor->say(doctor, "script", DOCTOR_OK, "one was run", "");
    else
        doctor->say(doctor, "script", is_passing ? DOCTOR_UNKNOWN : DOCTOR_WRONG, err_text(&err),
                    is_passing ? "it could not be tried now: try again" : advice_of(status, &err));
}
