# profile_page.jq - the section of docs/performance.md about where the time goes.

include "prose";

def share: .share * 100 | digits(1) + " %";
def fraction: if . >= 0.1 then digits(2) else digits(4) end;

def redis_part:
    "Redis, which has one thread, takes \(.redis_share | percent) of the CPU time that both use. Only some of its functions",
    "have names, so they are counted by what they belong to:",
    "",
    "| Redis | of its time |",
    "|---|---:|",
    (.redis[] | select(.share >= 0.01) | "| \(.name) | \(share) |"),
    "";

def worker_part:
    "The worker, by threads: " + ([.worker_threads[] | "\(.name) \(share)"] | join(", "))
    + " (*pool* is all \(.threads) that run jobs). Where most of it goes:",
    "",
    "| function | thread | of the worker's time |",
    "|---|---|---:|",
    (.worker_functions[:10][] | "| `\(.name)` | \(.thread) | \(share) |"),
    "",
    "A no-op job takes \(.instructions | commas) instructions in the worker, from the answer of the claim to the call that",
    "reports its end (by callgrind, as the difference of two runs, so without start and end):",
    "",
    "| function | instructions per job |",
    "|---|---:|",
    (.functions[:10][] | "| `\(.name)` | \(.count | round) |"),
    "",
    "Per job the worker allocates \(.heap.malloc + .heap.calloc + .heap.realloc | digits(2)) times and makes "
    + "\(.all_calls | fraction) system calls ("
    + ([.calls[] | select(.count >= 0.0005) | "\(.name) \(.count | fraction)"] | join(", ")) + "),",
    "and one of its threads goes to sleep \(.switches | fraction) times.",
    "";

# From the curve over threads: what more threads cost.
def contention($curves):
    ($curves.curves[] | select(.name == "threads") | .series[] | select(.name == "darg") | .points) as $points
    | "Contention, from the curve over threads:",
      "",
      "| threads | jobs/s | worker CPU per job | Redis CPU per job | sleeps per job |",
      "|---:|---:|---:|---:|---:|",
      ($points[] | "| \(.x) | \(.rate.median | commas) | \(.cpu_us.median | digits(2)) µs | "
                   + "\(.redis_us.median | digits(2)) µs | \(.switches.median | digits(3)) |"),
      "";

def profile_section:
    "## Where the time goes",
    "",
    (select(.profile) | .profile
     | "`make bench-profile` on \(.machine.date): one worker of \(.threads) threads, no-op jobs of 100 bytes.",
       "",
       redis_part, worker_part),
    contention(.curves);
