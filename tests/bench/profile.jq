# profile.jq - makes the JSON of tests/bench/profile from its results: lines METRIC/NAME<tab>VALUE.

include "summary";

def top($count): sort_by(-.share) | .[:$count];

# {name: samples} as shares of $all, largest first.
def shares($all): to_entries | map({name: .key, share: (.value / $all | round_to(4))}) | sort_by(-.share);

reduce (inputs | split("\t") | {path: (.[0] | split("/")), value: (.[1] | tonumber)}) as $result
    ({}; setpath($result.path; $result.value))
| ([.redis[]] | add) as $redis
| (.worker | map_values(add)) as $threads
| ([$threads[]] | add) as $worker
| (.worker | to_entries | map(.key as $thread | .value | to_entries
    | map({name: .key, thread: $thread, share: (.value / $worker | round_to(4))})) | add) as $functions
| (.instructions | to_entries | map({name: .key, count: .value}) | sort_by(-.count)) as $instructions
| {
    machine: $machine[0], threads: $threads_count, jobs: $jobs,
    redis_share: ($redis / ($redis + $worker) | round_to(3)),
    redis: (.redis | shares($redis)),
    worker_threads: ($threads | shares($worker)),
    worker_functions: ($functions | top(14)),
    calls: (.call | del(.all, .switches) | to_entries | map({name: .key, count: (.value | round_to(5))})
        | sort_by(-.count)),
    all_calls: .call.all, switches: .call.switches,
    instructions: (.total.instructions | round),
    functions: ($instructions[:14] | map(.count |= round_to(1))),
    heap: .heap
}
