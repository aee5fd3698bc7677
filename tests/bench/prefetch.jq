# prefetch.jq - makes the JSON of tests/bench/prefetch from its results: lines
# VARIANT/WHAT.METRIC<tab>VALUE, the n-th of a name from repetition n.

include "summary";

def named: if . == "auto" then "adaptive" else "--prefetch \(.)" end;

def variant($name):
    {
        name: $name, label: ($name | named),
        noop_rate: (.noop.rate | summary(0)), batch: (.noop.batch | summary(1)),
        mixed_makespan: (.mixed.makespan | summary(0)), mixed_over: (.mixed.over | summary(4)),
        mixed_stranded: (.mixed.stranded | summary(1)),
        phases_makespan: (.phases.makespan | summary(0)), phases_over: (.phases.over | summary(4)),
        phases_stranded: (.phases.stranded | summary(1)),
        few_makespan: (.few.makespan | summary(0)), few_over: (.few.over | summary(4)),
        few_stranded: (.few.stranded | summary(1)),
        returned: ([.mixed.returned, .phases.returned, .few.returned] | transpose | map(add) | summary(0))
    };

def at_most($what; $value; $unit; $limit):
    {label: $what, value: $value, unit: $unit, target: "<= \($limit)", met: ($value <= $limit)};

def targets:
    (.[] | select(.name == "auto")) as $auto | (.[] | select(.name == "1000")) as $large
    | ($auto.batch.median / $large.batch.median | round_to(3)) as $batch
    | [(["mixed", "phases", "few"][] as $order
        | at_most("adaptive prefetch, \($order): makespan beside the ideal";
              1 + $auto["\($order)_over"].median | round_to(3); "times"; 1.05),
          at_most("adaptive prefetch, \($order): longest stranded job";
              $auto["\($order)_stranded"].median; "ms"; 50)),
       {label: "adaptive prefetch, no-op jobs: batch beside that of a fixed prefetch of 1,000", value: $batch,
        unit: "times", target: ">= 0.9", met: ($batch >= 0.9)}];

reduce (inputs | split("\t") | {path: (.[0] | split("/") | [.[0]] + (.[1] | split("."))), value: (.[1] | tonumber)})
    as $result ({order: [], all: {}};
        getpath(["all"] + $result.path) as $seen
        | setpath(["all"] + $result.path; ($seen // []) + [$result.value])
        | if .order | index($result.path[0]) then . else .order += [$result.path[0]] end)
| .all as $all
| [.order[] | . as $name | $all[$name] | variant($name)] as $variants
| {
    machine: $machine[0], threads: $threads, long_jobs: $long_jobs, long_ms: $long_ms, few_jobs: $few_jobs,
    short_jobs: $short_jobs, short_ms: $short_ms, variants: $variants, targets: ($variants | targets)
}
