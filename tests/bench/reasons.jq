# reasons.jq - why a target is missed, told by the figures of the same run.

include "prose";

def result($all; $name): $all.bench.results[$name].median;

# How much of the time Redis was at work for a run.
def redis_share($all; $run): result($all; "\($run).rate") * result($all; "\($run).redis_us") / 1e6;

def redis_is_busy($all; $run):
    redis_share($all; $run) as $share
    | "Redis, which has one thread, was busy for \($share | percent) of the time";

def drain_rate($all):
    result($all; "raw_claim.rate") as $raw
    | "The bare claim loop, which does nothing with the jobs, reached \($raw | commas) jobs/s in the same minutes. "
    + redis_is_busy($all; "drain")
    + ", with \(result($all; "drain.redis_us") | digits(2)) µs per job; the bare loop costs it "
    + "\(result($all; "raw_claim.redis_us") | digits(2)) µs. The rest is time that worker and Redis spend waiting for each other.";

def drain_redis($all):
    (result($all; "drain.redis_us") - result($all; "raw_claim.redis_us")) as $more
    | "The bare loop (RPOP, HSET, HDEL) takes \(result($all; "raw_claim.redis_us") | digits(2)) µs of it. "
    + "darg's scripts take \($more | digits(2)) µs more: they check each job for a sentinel and an "
    + "envelope, return it instead of only taking it, and keep the receipt and the counters.";

def push_redis($all):
    "A bare LPUSH takes \(result($all; "raw_lpush.redis_us") | digits(2)) µs. In a script, which enforces "
    + "the queue's bound, each job is copied once more, into Lua and out of it: "
    + "\(result($all; "push.redis_us") - result($all; "raw_lpush.redis_us") | digits(2)) µs.";

def pickup($all; $p):
    "BLMOVE and a claim script without any threads, the minimum for at least once, take "
    + "\(result($all; "pickup_blmove.\($p)") | commas) µs where BRPOP takes "
    + "\(result($all; "pickup_brpop.\($p)") | commas): one round trip more. The remaining "
    + "\(result($all; "pickup.\($p)") - result($all; "pickup_blmove.\($p)") | commas) µs are the way from the "
    + "fetching thread to a running one, which has to be woken, on \($all.bench.machine.processors) processors.";

def at_most_once($all):
    "Both make one call per job, which costs Redis \(result($all; "at_most_once.redis_us") | digits(2)) µs here and "
    + "\(result($all; "raw_brpop.redis_us") | digits(2)) µs with bare BRPOP. The worker's own time is "
    + "\(result($all; "at_most_once.cpu_us") | digits(2)) µs per job on the "
    + "\($all.bench.machine.processors) processors that it shares with Redis.";

# For a row of make bench.
def reason($all):
    if .result == "drain.rate" then drain_rate($all)
    elif .result == "drain.redis_us" then drain_redis($all)
    elif .result == "push.redis_us" then push_redis($all)
    elif .result | startswith("pickup.") then (.result | ltrimstr("pickup.")) as $p | pickup($all; $p)
    elif .result == "at_most_once.rate" then at_most_once($all)
    else "\(value_shown) in this run; not explained yet." end;

# The point of darg's own series in the curve over threads.
def with_threads($all; $count):
    $all.curves.curves[] | select(.name == "threads") | .series[] | select(.name == "darg")
    | .points[] | select(.x == $count);

def contention($all):
    with_threads($all; 4) as $few | with_threads($all; 64) as $many
    | "A thread goes to sleep \($many.switches.median | digits(3)) times per job with 64, "
    + "\($few.switches.median | digits(3)) with 4; the worker takes \($many.cpu_us.median | digits(2)) and "
    + "\($few.cpu_us.median | digits(2)) µs of CPU per job on \($all.curves.machine.processors) processors, one of which "
    + "Redis wants for itself. The three repetitions with 64 lie \($many.rate.spread | percent) apart, those with 4 "
    + "\($few.rate.spread | percent).";

# For a target of the curves or of the prefetch.
def other_reason($all):
    if .label == "64 threads beside 4" then contention($all)
    else "\(value_shown) in this run; not explained yet." end;
