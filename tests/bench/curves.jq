# curves.jq - makes the JSON of tests/bench/curves from its results: lines CURVE/SERIES/X.METRIC<tab>VALUE,
# the n-th of a name from repetition n. What the curves are, their order and their names stand here.

include "summary";

def catalogue: [
    {name: "batch", title: "Batch size", x: "jobs held ready (--prefetch); of the bare loop, jobs in a claim",
     series: {darg: "darg-worker --prefetch", auto: "darg-worker, adaptive", raw: "bare claim + HDEL"}},
    {name: "threads", title: "Threads", x: "threads of the worker",
     series: {darg: "darg-worker", raw: "bare claim + HDEL, one thread"}},
    {name: "processes", title: "Processes", x: "processes of 8 threads",
     series: {darg: "darg-worker", raw: "bare claim + HDEL, one process"}},
    {name: "payload", title: "Size of jobs", x: "bytes of a job's args",
     series: {darg: "darg-worker", raw: "bare claim + HDEL"}},
    {name: "length", title: "Length of the queue", x: "jobs that wait",
     series: {darg: "darg-worker", raw: "bare claim + HDEL"}},
    {name: "queues", title: "Number of queues", x: "queues of one worker",
     series: {darg: "darg-worker", raw: "bare claim + HDEL, one queue"}},
    {name: "scheduled", title: "Delayed jobs", x: "delayed jobs",
     series: {beside: "jobs that wait, beside delayed ones", due: "delayed jobs, all due"}},
    {name: "rtt", title: "Distance to Redis", x: "round trip, ms",
     series: {darg: "darg-worker", raw: "bare claim + HDEL", push: "darg push --jsonl"}},
    {name: "aof", title: "Durability", x: "append-only file: off, or written with appendfsync",
     series: {darg: "darg-worker", raw: "bare claim + HDEL", push: "darg push --jsonl"}}
];

def number_or_text: tonumber? // .;

# "a/b/c.rate<tab>1" becomes {path: [a, b, c, rate], value: 1}.
def read_result:
    split("\t") | {value: (.[1] | tonumber), parts: (.[0] | split("/"))}
    | (.parts[2] | rindex(".")) as $dot
    | {value, path: (.parts[:2] + [.parts[2][:$dot], .parts[2][$dot + 1:]])};

# The raw series stands for one x each, or, where it does not depend on x, under "-" for all.
def ratios($raw; $x; $rates):
    ($raw[$x] // $raw["-"]) as $points
    | if $points == null then null
      else [range($rates | length) | $rates[.] / $points.rate[.]] end;

def points($values; $raw; $is_raw):
    $values | to_entries | map(
        .key as $x | .value as $metrics
        | (if $is_raw then null else ratios($raw; $x; $metrics.rate) end) as $ratios
        | {x: ($x | number_or_text), rate: ($metrics.rate | summary(0))}
        + ($metrics | del(.rate) | map_values(summary(3)))
        + (if $ratios then {ratio: ($ratios | summary(3))} else {} end));

def curve($values):
    . as $curve
    | $curve + {series: [
        $curve.series | to_entries[] | . as $series | select($values[$series.key])
        | {name: $series.key, label: $series.value,
           points: points($values[$series.key]; $values.raw // {};
                          $series.key == "raw" or $series.key == "push")}]};

def at($curves; $curve; $series; $x):
    $curves[] | select(.name == $curve) | .series[] | select(.name == $series) | .points[] | select(.x == $x);

# What the curves are to show; nothing for a curve that was not measured.
def targets($curves; $all): [
    (at($curves; "rtt"; "darg"; 1)
     | {label: "drain over a round trip of 1 ms", value: .rate.median, unit: "jobs/s", target: ">= 100000",
        met: (.rate.median >= 100000)}),
    (at($curves; "threads"; "darg"; 64) | $all.threads.darg as $rates
     | ([range($rates["4"].rate | length) | $rates["64"].rate[.] / $rates["4"].rate[.]] | median)
     | {label: "64 threads beside 4", value: round_to(3), unit: "times", target: ">= 0.95", met: (. >= 0.95)}),
    (at($curves; "length"; "darg"; 1000000) | $all.length.darg as $rates
     | ([range($rates["10000"].rate | length) | $rates["1000000"].rate[.] / $rates["10000"].rate[.]] | median)
     | {label: "a queue of 1,000,000 beside one of 10,000", value: round_to(3), unit: "times",
        target: ">= 0.95", met: (. >= 0.95)})
];

reduce (inputs | read_result) as $result ({}; getpath($result.path) as $seen
                                          | setpath($result.path; ($seen // []) + [$result.value]))
| . as $all
| [catalogue[] | select($all[.name]) | curve($all[.name])] as $curves
| [$curves[].series[].points[].rate.spread] as $spreads
| {
    size: $size, jobs: $jobs, seconds: $seconds, machine: $machine[0],
    noise: {points: ($spreads | length), median: ($spreads | median), worst: ($spreads | max)},
    targets: targets($curves; $all),
    curves: $curves
}
