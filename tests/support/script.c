#include "support/cmocka_all.h"
#include "support/script.h"

#include <stdio.h>

#include "support/process.h"

enum { CODE_SKIPPED = 77 };

void script_run(const char *name, const char *argument, int64_t deadline_ms)
{
    char path[128];
    (void)snprintf(path, sizeof path, "tests/scripts/%s.sh", name);
    const char *const argv[] = {"sh", path, argument, NULL};
    struct process *shell = process_start(&(struct process_options){.argv = argv});
    int code = process_wait(shell, deadline_ms);
    print_message("%s", process_stdout(shell));
    if (code != 0 && code != CODE_SKIPPED)
        print_message("%s", process_stderr(shell));
    process_free(shell);
    if (code == CODE_SKIPPED)
        skip();
    assert_int_equal(code, 0);
}
