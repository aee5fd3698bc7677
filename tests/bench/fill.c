/* fill URL KEY COUNT PAYLOAD: pushes no-op jobs with so many bytes of args, unmeasured. */
#include "support/commands.h"
#include "support/filler.h"
#include "support/measure.h"

int main(int argc, char **argv)
{
    ensure(argc == 5, "usage: fill URL KEY COUNT PAYLOAD");
    struct conn *conn = commands_connect(argv[1]);
    filler_push(conn, argv[2], measure_argument(argv[3]), (size_t)measure_argument(argv[4]));
    conn_close(conn);
    return 0;
}
