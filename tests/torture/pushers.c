#include "torture/pushers.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PROGRAMS = 2,      /* darg push at the same time */
    PROGRAM_JOBS = 60, /* each */
    PLAIN_JOBS = 12,   /* at most in one LPUSH */
    PENDING_MAX = 300, /* with more, producers rest */
    LATER_MS = 1500,   /* at most */
    LARGE_BYTES = 8000,
    OVERSIZED_BYTES = 20000, /* the hosts take up to 16 KiB */
    DEADLINE_MS = 250,
    PROGRAM_END_MS = 60000,
};

struct batch {
    struct process *process; /* NULL: none */
    size_t first, count;     /* ids */
};

struct pushers {
    struct site *site;
    struct conn *conn; /* through the proxy */
    FILE *log;
    unsigned seed;
    size_t count;
    bool is_calm; /* no jobs that fail or kill */
    struct batch programs[PROGRAMS];
};

struct pushers *pushers_start(struct site *site, unsigned seed)
{
    struct pushers *pushers = mem_new(sizeof *pushers);
    pushers->site = site;
    pushers->seed = seed;
    pushers->log = fopen(site->pushed, "ae");
    ensure(pushers->log != NULL, "cannot write %s", site->pushed);
    pushers->conn = commands_open(site->admin_proxy_url,
                                  (struct conn_options){.connect_timeout_ms = DEADLINE_MS,
                                                        .command_timeout_ms = DEADLINE_MS});
    return pushers;
}

void pushers_free(struct pushers *pushers)
{
    for (size_t i = 0; i < PROGRAMS; i++)
        process_free(pushers->programs[i].process);
    conn_close(pushers->conn);
    (void)fclose(pushers->log);
    free(pushers);
}

void pushers_calm(struct pushers *pushers)
{
    pushers->is_calm = true;
}

static unsigned draw(struct pushers *pushers, unsigned below)
{
    return (unsigned)rand_r(&pushers->seed) % below;
}

static void tell(struct pushers *pushers, const char *mark, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        ensure(fprintf(pushers->log, "%sj%zu\n", mark, i) > 0, "cannot write the log");
    ensure(fflush(pushers->log) == 0, "cannot write the log");
}

static void append_job(struct pushers *pushers, struct buf *out, size_t number)
{
    unsigned kind = draw(pushers, pushers->is_calm ? 90 : 100);
    const char *type = kind < 84   ? "quick"
                       : kind < 90 ? "slow"
                       : kind < 96 ? "flaky"
                       : kind < 99 ? "poison"
                                   : "deadly";
    buf_printf(out, "{\"type\":\"%s\",\"id\":\"j%zu\",\"max_attempts\":%d", type, number,
               type[0] == 'p' ? 2 : 25);
    unsigned weight = draw(pushers, 100);
    size_t args = weight < 5 ? LARGE_BYTES : weight < 6 && !pushers->is_calm ? OVERSIZED_BYTES : 0;
    if (args > 0)
        buf_printf(out, ",\"args\":\"%0*d\"", (int)args, 0);
    buf_append_char(out, '}');
}

/* ---- plain commands ---- */

/* Most of them later; some at a score that no clock shows, but that is past. */
static void append_due(struct pushers *pushers, struct request *request)
{
    static const char *const odd[] = {"-1", "-inf", "0", "-1700000000000"};
    unsigned way = draw(pushers, 10);
    if (way < sizeof odd / sizeof odd[0])
        request_add_text(request, odd[way]);
    else
        request_add_int(request, clock_wall_ms() + draw(pushers, LATER_MS));
}

static void fill_plain(struct pushers *pushers, struct request *request, size_t count)
{
    const char *queue = site_queues[draw(pushers, SITE_QUEUES)];
    bool is_later = draw(pushers, 4) == 0;
    struct buf text = {0};
    buf_printf(&text, "darg:{%s}%s", queue, is_later ? ":scheduled" : "");
    request_add_text(request, is_later ? "ZADD" : "LPUSH");
    request_add(request, buf_slice(&text));
    for (size_t i = 0; i < count; i++) {
        if (is_later)
            append_due(pushers, request);
        buf_clear(&text);
        append_job(pushers, &text, pushers->count + i);
        request_add(request, buf_slice(&text));
    }
    buf_fini(&text);
}

static void push_plain(struct pushers *pushers)
{
    struct request request = {0};
    struct reply *reply = NULL;
    struct err err = {0};
    size_t count = 1 + draw(pushers, PLAIN_JOBS);
    fill_plain(pushers, &request, count);
    if (conn_connect(pushers->conn, &err) == ST_OK) {
        tell(pushers, "? ", pushers->count, count);
        if (conn_call(pushers->conn, &request, &reply, &err) == ST_OK)
            tell(pushers, "", pushers->count, count);
        pushers->count += count;
    }
    reply_free(reply);
    request_fini(&request);
}

/* ---- programs ---- */

static void start_program(struct pushers *pushers, struct batch *batch)
{
    struct buf lines = {0};
    char *program = site_program("darg");
    *batch = (struct batch){.first = pushers->count, .count = PROGRAM_JOBS};
    for (size_t i = 0; i < batch->count; i++) {
        append_job(pushers, &lines, batch->first + i);
        buf_append_char(&lines, '\n');
    }
    const char *delay = draw(pushers, 4) == 0 ? "500ms" : NULL;
    const char *const argv[] = {program,
                                "push",
                                "--jsonl",
                                "-r",
                                proxy_url(pushers->site->proxy),
                                "--redis-password-file",
                                pushers->site->password_file,
                                "-q",
                                site_queues[draw(pushers, SITE_QUEUES)],
                                "--quiet",
                                delay != NULL ? "--delay" : NULL,
                                delay,
                                NULL};
    tell(pushers, "? ", batch->first, batch->count);
    batch->process = process_start(&(struct process_options){
        .argv = argv, .stdin_text = buf_text(&lines), .stdin_len = lines.len});
    pushers->count += batch->count;
    buf_fini(&lines);
    free(program);
}

/* Exit code 0 of darg means that all are pushed. After any other they remain uncertain. */
static void end_program(struct pushers *pushers, struct batch *batch)
{
    if (process_poll(batch->process) == 0)
        tell(pushers, "", batch->first, batch->count);
    process_free(batch->process);
    batch->process = NULL;
}

void pushers_step(struct pushers *pushers)
{
    for (size_t i = 0; i < PROGRAMS; i++)
        if (pushers->programs[i].process != NULL && process_poll(pushers->programs[i].process) >= 0)
            end_program(pushers, &pushers->programs[i]);
    if (site_pending(pushers->site) > PENDING_MAX)
        return;
    push_plain(pushers);
    for (size_t i = 0; i < PROGRAMS; i++)
        if (pushers->programs[i].process == NULL)
            start_program(pushers, &pushers->programs[i]);
}

bool pushers_kill_one(struct pushers *pushers)
{
    for (size_t i = 0; i < PROGRAMS; i++) {
        struct process *process = pushers->programs[i].process;
        if (process != NULL && process_poll(process) < 0) {
            process_signal(process, SIGKILL);
            return true;
        }
    }
    return false;
}

void pushers_finish(struct pushers *pushers)
{
    for (size_t i = 0; i < PROGRAMS; i++)
        if (pushers->programs[i].process != NULL) {
            (void)process_wait(pushers->programs[i].process, PROGRAM_END_MS);
            end_program(pushers, &pushers->programs[i]);
        }
}

size_t pushers_count(const struct pushers *pushers)
{
    return pushers->count;
}
