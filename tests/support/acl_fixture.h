/* acl_fixture - the users of examples/redis/users.acl, and what each of them does: its scenarios.
 *
 * The user connects by TCP, everybody else by the Unix socket, so the user's calls can be told
 * apart (support/calls.h). Scenarios are tests/fault/acl/NAME.sh. One thread only. */
#ifndef DARG_TESTS_SUPPORT_ACL_FIXTURE_H
#define DARG_TESTS_SUPPORT_ACL_FIXTURE_H

#include "redis/script.h"
#include "support/acl_rules.h"
#include "support/calls.h"
#include "support/process.h"

enum { ACL_PLAIN, ACL_PRODUCER, ACL_WORKER, ACL_OPERATOR, ACL_ROLES };
enum { ACL_FIXTURE_WAIT_MS = 60000 };

struct acl_role {
    const char *user;
    const char *scenarios[3]; /* the first must run without any refusal */
    bool claims;
    struct acl_rules rules;
    struct calls calls; /* of all scenarios run so far */
};

struct acl_fixture {
    struct redis_server *server;
    struct conn *conn;
    struct key_kinds kinds;
    struct acl_role roles[ACL_ROLES];
};

int acl_fixture_setup(void **state);
int acl_fixture_teardown(void **state);

/* Asks with ACL DRYRUN; for any user. */
bool acl_fixture_may(struct acl_fixture *f, const char *user, const struct call *call);

/* Starts a program with what scenarios need in its environment. Free it with process_free(). */
struct process *acl_fixture_start(struct acl_fixture *f, const char *user, const char *const *argv);
struct conn *acl_fixture_connect_as(struct acl_fixture *f, const char *user);

/* Runs the role's scenarios as this user, and adds their calls to role->calls. False if something
 * failed, or was refused although nothing may be; prints what. */
bool acl_fixture_run_all(struct acl_fixture *f, struct acl_role *role, const char *user);

/* Whether this is a call of the script. */
bool acl_fixture_is_script(const struct call *call, const struct script *script);

#endif
