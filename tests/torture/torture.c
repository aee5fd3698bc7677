/* torture - workers, producers and Redis under random faults, for as long as you like; then the
 * checker's verdict. `torture --help` says how. */
#include "base/clock.h"
#include "base/options.h"
#include "support/verdict.h"
#include "support/wait.h"
#include "torture/guard.h"
#include "torture/havoc.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    STEP_MS = 10,
    PROGRESS_MS = 500,
    QUIET_MS = 60000, /* time for everything to come to rest once nothing is wrong */
    CALM_MS = 400,
    CALM_MORE_MS = 3000, /* a lost host's jobs need a lease */
    HOSTS = 3,
};

struct torture {
    int64_t seconds, seed, calm_kills;
    const char *without;
    struct site site;
    struct pushers *pushers;
    struct recovery *recovery;
    struct havoc *havoc;
    size_t hosts_started;
    int64_t start_ms, end_ms, shown_ms;
};

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    is_interrupted = 1;
}

static void show_progress(struct torture *t, const char *phase)
{
    int64_t now_ms = clock_mono_ms();
    if (!isatty(2) || now_ms < t->shown_ms + PROGRESS_MS)
        return;
    t->shown_ms = now_ms;
    fprintf(stderr, "\r%s, %" PRId64 " s: %zu jobs pushed, %zu faults \033[K", phase,
            (now_ms - t->start_ms) / 1000, pushers_count(t->pushers), havoc_count(t->havoc));
}

static void step(struct torture *t, const char *phase)
{
    t->hosts_started += site_tend(&t->site);
    pushers_step(t->pushers);
    show_progress(t, phase);
    (void)poll(NULL, 0, STEP_MS);
}

static void rage(struct torture *t)
{
    while (!is_interrupted && clock_mono_ms() < t->end_ms) {
        havoc_step(t->havoc);
        step(t, "raging");
    }
    havoc_heal(t->havoc);
}

static void wait_in_calm(struct torture *t, int64_t ms)
{
    for (int64_t end_ms = clock_mono_ms() + ms; !is_interrupted && clock_mono_ms() < end_ms;)
        step(t, "in calm");
}

static bool is_quiet(void *context)
{
    struct torture *t = context;
    t->hosts_started += site_tend(&t->site); /* a sentinel may still be in transit */
    show_progress(t, "coming to rest");
    return site_pending(&t->site) == 0;
}

/* Kills while nothing else is wrong: how soon do things go on? */
static void measure(struct torture *t)
{
    pushers_finish(t->pushers);
    pushers_calm(t->pushers);
    (void)wait_until(is_quiet, t, QUIET_MS); /* no jobs that kill their workers are left */
    wait_in_calm(t, CALM_MORE_MS);
    for (int64_t i = 0; i < t->calm_kills / 4; i++) {
        havoc_kill_host(t->havoc, (size_t)i);
        wait_in_calm(t, CALM_MORE_MS);
    }
    /* Supervisors are new now: one whose workers keep dying would pause before it starts more. */
    for (int64_t i = 0; i < t->calm_kills; i++) {
        havoc_kill_child(t->havoc, (size_t)i);
        wait_in_calm(t, CALM_MS);
    }
}

/* ---- the end ---- */

static bool judge(struct torture *t, struct verdict *verdict)
{
    struct err err = {0};
    struct ledger *ledger = ledger_new();
    const struct verdict_options options = {"darg", site_queues, SITE_LEASE_MS};
    struct conn *conn = commands_connect(t->site.admin_url);
    bool is_good = ledger_read_pushed(ledger, t->site.pushed, &err) == ST_OK &&
                   ledger_read_ran(ledger, t->site.ran, &err) == ST_OK &&
                   verdict_reach(conn, &options, ledger, verdict, &err) == ST_OK;
    if (is_good)
        is_good = verdict_is_good(verdict);
    else
        fprintf(stderr, "torture: %s\n", err_text(&err));
    conn_close(conn);
    ledger_free(ledger);
    return is_good;
}

/* Saves what is needed to find the cause: the queues, besides what was pushed and ran. */
static void keep_evidence(struct torture *t)
{
    (void)site_try(&t->site, "CONFIG", "SET", "dir", t->site.directory);
    (void)site_try(&t->site, "SAVE");
    fprintf(stderr,
            "torture: SEED=%" PRId64 "; what was pushed and ran, the logs and the queues: %s\n",
            t->seed, t->site.directory);
}

static bool finish(struct torture *t)
{
    struct verdict verdict = {0};
    pushers_finish(t->pushers);
    bool is_at_rest = wait_until(is_quiet, t, QUIET_MS);
    double seconds = (double)(clock_mono_ms() - t->start_ms) / 1000;
    bool is_dismissed = site_dismiss(&t->site);
    bool is_good = judge(t, &verdict) && is_at_rest && is_dismissed && t->site.late == 0 &&
                   t->site.bad_ends == 0;
    if (isatty(2))
        fprintf(stderr, "\r\033[K");
    verdict_print(&verdict, stdout);
    havoc_print(t->havoc, stdout);
    recovery_print(t->recovery, t->site.ran, stdout);
    printf("hosts stopped by TERM: %zu, the slowest in %.1f s; %zu too late; ended badly: %zu\n",
           t->site.stops, (double)t->site.slowest_ms / 1000, t->site.late, t->site.bad_ends);
    printf("%.0f s, seed %" PRId64 ", %.0f jobs/s, %zu hosts started%s%s\n%s\n", seconds, t->seed,
           (double)verdict.ended / seconds, t->hosts_started,
           is_at_rest ? "" : "; it did NOT come to rest",
           is_dismissed ? "" : "; workers did NOT end well",
           is_good ? "nothing lost, nothing stuck" : "FAILED");
    (void)fflush(stdout);
    if (!is_good)
        keep_evidence(t);
    verdict_fini(&verdict);
    return is_good;
}

static bool run(struct torture *t)
{
    printf("seed %" PRId64 ", %" PRId64 " s\n", t->seed, t->seconds);
    (void)fflush(stdout);
    site_open(&t->site, HOSTS);
    t->recovery = recovery_new();
    t->pushers = pushers_start(&t->site, (unsigned)t->seed + 1);
    t->havoc = havoc_new(&t->site, t->pushers, t->recovery, (unsigned)t->seed, t->without);
    t->start_ms = clock_mono_ms();
    t->end_ms = t->start_ms + t->seconds * 1000;
    rage(t);
    measure(t);
    bool is_good = finish(t);
    havoc_free(t->havoc);
    pushers_free(t->pushers);
    recovery_free(t->recovery);
    site_close(&t->site, !is_good);
    return is_good;
}

/* -1: go on; else the exit code. */
static int parse(struct torture *t, int argc, char **argv)
{
    struct err err = {0};
    static const struct option_row rows[] = {
        {.name = "seconds",
         OPTION_FIELD(OPT_INT, struct torture, seconds),
         .value_name = "N",
         .default_text = "60",
         .min = 1,
         .max = 1000000,
         .help = "how long faults are injected"},
        {.name = "seed",
         OPTION_FIELD(OPT_INT, struct torture, seed),
         .value_name = "N",
         .min = 0,
         .max = INT32_MAX,
         .help = "draw the faults of this seed: their order and strength"},
        {.name = "calm-kills",
         OPTION_FIELD(OPT_INT, struct torture, calm_kills),
         .value_name = "N",
         .default_text = "20",
         .min = 0,
         .max = 1000,
         .help = "processes killed afterwards, for recovery times without other faults"},
        {.name = "without",
         OPTION_FIELD(OPT_STRING, struct torture, without),
         .value_name = "WORD",
         .help = "leave out faults whose name holds this, to see whether they are to blame"},
        {.name = NULL},
    };
    const struct options_spec spec = {
        .program = "torture",
        .usage = "[options]",
        .summary = "Runs workers, producers and a private Redis under random faults, then checks "
                   "that no job\n"
                   "is lost or stuck. Ctrl-C ends the faults early. Exit code 1: something was.",
        .rows = rows,
        .target = t,
        .environment_prefix = "TORTURE_",
        .version = DARG_VERSION,
    };
    const char **operands = NULL;
    size_t count = 0;
    bool done = false;
    enum status status = options_parse(&spec, argc, argv, &operands, &count, &done, &err);
    free(operands);
    if (status != ST_OK || count > 0) {
        fprintf(stderr, "torture: %s\n", status != ST_OK ? err_text(&err) : "no operands, please");
        return 2;
    }
    return done ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct torture t = {.seed = clock_wall_ms() % 1000000};
    int code = parse(&t, argc, argv);
    if (code >= 0)
        return code;
    guard_enter();
    (void)signal(SIGINT, interrupt);
    (void)signal(SIGTERM, interrupt);
    (void)signal(SIGPIPE, SIG_IGN);
    return run(&t) ? 0 : 1;
}
