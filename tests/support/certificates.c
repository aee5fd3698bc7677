#include "support/cmocka_all.h"
#include "support/certificates.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/commands.h"
#include "support/process.h"

enum { WAIT_MS = 40000 };

static const char template[] = "/tmp/darg-tls.XXXXXX";
static char folder[sizeof template];

/* Makes a CA of each name, and certificates signed by the first. */
static const char make_certificates[] =
    "set -e\n"
    "cd \"$1\"\n"
    "quiet() { \"$@\" 2>errors || { cat errors >&2; exit 1; }; }\n"
    "authority() {\n"
    "    quiet openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj \"/CN=$1\" -keyout $1.key "
    "-out $1.pem\n"
    "}\n"
    "certificate() { # NAME SUBJECT-ALTERNATIVE-NAME [PROGRAM THAT SETS THE CLOCK]\n"
    "    quiet openssl req -newkey rsa:2048 -nodes -subj \"/CN=$1\" -keyout $1.key -out $1.csr\n"
    "    echo \"subjectAltName=$2\" >$1.ext\n"
    "    quiet $3 openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
    "-extfile $1.ext -out $1.pem\n"
    "}\n"
    "authority ca\n"
    "authority stranger\n"
    "certificate server DNS:localhost,IP:127.0.0.1\n"
    "certificate elsewhere DNS:elsewhere.example\n"
    "certificate expired DNS:localhost,IP:127.0.0.1 'faketime -f -9d'\n"
    "certificate client DNS:client\n";

static void run(const char *const *argv)
{
    struct process *process = process_start(&(struct process_options){.argv = argv});
    if (process_wait(process, WAIT_MS) != 0)
        fail_msg("%s: %s", argv[0], process_stderr(process));
    process_free(process);
}

void certificates_make(void)
{
    (void)snprintf(folder, sizeof folder, "%s", template);
    assert_non_null(mkdtemp(folder));
    run(COMMANDS_ARGS("sh", "-c", make_certificates, "sh", folder));
}

void certificates_remove(void)
{
    run(COMMANDS_ARGS("rm", "-r", folder));
}

const char *certificates_path(const char *name)
{
    static char paths[8][64];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}
