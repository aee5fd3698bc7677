# performance.jq - docs/performance.md out of docs/performance.json: every figure on that page comes
# from there. Sections of what was not measured are left out.

include "prose";
include "reasons";
include "profile_page";

# ---- targets ----

def target_text: sub("^x (?<op>..) "; "\(.op) ") + (if startswith("x ") then " x raw" else "" end);

# Rows of a group ("  p99") carry the name of the row that begins it.
def with_groups:
    reduce .[] as $row ({group: "", rows: []};
        if $row.label | startswith("  ")
        then .rows += [$row + {name: "\(.group): \($row.label | ltrimstr("  "))"}]
        else .group = ($row.label | sub(": (p50|one process)$"; "")) | .rows += [$row + {name: $row.label}] end)
    | .rows;

def bench_target:
    "| \(.name) | \(value_shown) | \(.target | target_text) | \(if .met then "yes" else "**no**" end) | "
    + (if .raw then "\(raw_shown) | \(.ratio | digits(2))" else " | " end) + " |";

def other_target:
    "| \(.label) | \(value_shown) | \(.target) | \(if .met then "yes" else "**no**" end) | | |";

def other_targets: [.curves.targets[]?, .prefetch.targets[]?, .profile.targets[]?];

def targets_section:
    . as $all
    | (.bench.rows | with_groups | map(select(.target))) as $rows
    | other_targets as $others
    | ([$rows[], $others[] | select(.met)] | length) as $met
    | (($rows | length) + ($others | length)) as $count
    | "## Targets",
      "",
      "\($met) of \($count) are met. Rates and times are for no-op jobs of 100 bytes.",
      "",
      "| what | darg | target | met | raw | darg / raw |",
      "|---|---:|---:|---|---:|---:|",
      ($rows[] | bench_target),
      ($others[] | other_target),
      "",
      (if $met < $count then
          "### Missed, and why",
          "",
          ($rows[] | select(.met | not) | "* **\(.name).** " + reason($all)),
          ($others[] | select(.met | not) | "* **\(.label).** " + other_reason($all)),
          ""
       else empty end);

# ---- all rows of make bench ----

def bench_row:
    "| \(if .label | startswith("  ") then "&nbsp;&nbsp;" + .label[2:] else .label end) "
    + "| \(value_shown) | "
    + (if .raw then "\(raw_shown) | \(.ratio | digits(2)) | \(.what)" else " | | " end) + " |";

def bench_section:
    .bench
    | "## All figures",
      "",
      "`make bench` on \(.machine.date), \(.jobs | commas) jobs per run. Rates are the median of three runs and",
      "include the program's start.",
      "",
      "| | darg | raw | darg / raw | what raw is |",
      "|---|---:|---:|---:|---|",
      (.rows[] | bench_row),
      "";

# ---- curves ----

def cell: if . == null then "" else "\(.rate.median | commas) ±\(.rate.spread * 50 | round) %" end;

def curve_table:
    . as $curve
    | ([.series[].points[].x] | unique) as $all_x
    # As they were measured, not as text sorts.
    | [.series[0].points[].x] as $first
    | ($first + ($all_x - $first)) as $order
    | "| \(.x) | \([.series[].label] | join(" | ")) | darg / raw |",
      "|---:|\([.series[] | "---:|"] | join(""))---:|",
      ($order[] as $x
       | [$curve.series[] | [.points[] | select(.x == $x)][0]] as $points
       | "| \(if $x == "-" then "any" else $x | if type == "number" then commas else . end end) | "
         + ([$points[] | cell] | join(" | "))
         + " | \([$points[] | .ratio? // empty | .median | digits(2)] | join(", ")) |");

def curve_section:
    "### \(.title)",
    "",
    ([best_and_worst] | join("\n")),
    "",
    "![\(.title)](performance/\(.name).svg)",
    "",
    curve_table,
    "";

def curves_section:
    .curves
    | "## Curves",
      "",
      "`make bench-curves` on \(.machine.date)\(if .size == "full" then ", `BENCH_FULL=1`" else "" end): "
      + "\(.jobs | commas) no-op jobs of 100 bytes per run unless the",
      "curve says otherwise; jobs/s, the median of three; ± is half the distance from least to most. Ratios are taken",
      "within each of the three repetitions, so that a slow minute does not matter. In the plots, bars go from least",
      "to most.",
      "",
      (.curves[] | curve_section);

# ---- adaptive prefetch ----

def prefetch_row:
    . as $row
    | "| \(.label) | \(.noop_rate.median | commas) | \(.batch.median | round) | "
      + (["mixed", "phases", "few"]
         | map("\($row["\(.)_over"].median | over) | \($row["\(.)_stranded"].median | digits(0)) ms") | join(" | "))
      + " | \(.returned.median | commas) |";

def prefetch_section:
    if .prefetch == null then empty else
    .prefetch
    | "## Adaptive prefetch",
      "",
      "Two workers of \(.threads) threads each share \(.short_jobs | commas) jobs of \(.short_ms) ms and "
      + "\(.long_jobs) of \(.long_ms / 1000) s: *mixed* evenly, or in",
      "*phases*, the long ones last, so that workers that have seen only short jobs meet them. *Few* means phases with",
      "\(.few_jobs) long jobs: one worker could claim them all, and leave nothing for the other. Measured on "
      + "\(.machine.date).",
      "",
      "The time until all are done is compared with the ideal schedule: the same jobs, each as long as it really took, in",
      "the order of the line, on \(2 * .threads) threads without any gap. (Another order can be",
      "shorter.) *Stranded* is the longest time that a job lay in one worker's memory while a thread of the other had",
      "nothing to do.",
      "",
      "| | no-op jobs/s | jobs per claim | mixed | stranded | phases | stranded | few | stranded | released |",
      "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
      (.variants[] | prefetch_row),
      "",
      "![Adaptive prefetch](performance/prefetch.svg)",
      ""
    end;

# ---- the page ----

def noise_section:
    "## Noise",
    "",
    "* The bare claim loop ran \(.bench.noise.runs) times during `make bench`, from beginning to end: "
    + "\(.bench.noise.slowest | commas) to \(.bench.noise.fastest | commas)",
    "  jobs/s, \(.bench.noise.spread * 100 | round) % apart. Absolute rates are that uncertain; ratios are less so.",
    "* Of the \(.curves.noise.points) points of the curves, half vary by less than "
    + "\(.curves.noise.median * 100 | round) % between their three repetitions, and the worst by "
    + "\(.curves.noise.worst * 100 | round) %.",
    "* Load average before and after `make bench`: \(.bench.noise.load_before); \(.bench.noise.load_after).",
    "",
    "## Measure it yourself",
    "",
    "    make performance                 # all of this page",
    "    make performance BENCH_FULL=1    # with all points and more jobs",
    "    make bench                       # the table of targets and figures",
    "    make bench-prefetch              # adaptive prefetch compared with fixed",
"    make bench-profile               # where the time goes; needs perf and valgrind",
"    make bench-curves                # the curves; BENCH_CURVES='threads rtt': only these",
    "    make performance-page            # this page and its plots, from what is there",
    "";

"# Performance",
"",
"Made by `make performance`, which measures all the figures ([performance.json](performance.json)). The text is a",
"template (`tests/bench/performance.jq`).",
"",
"*Raw* is what Redis itself reaches with bare commands, in the same minutes on the same machine, without any of",
"darg's safeguards: the limit. The ratio is what counts: one machine's rates change by a third from hour to hour.",
"",
(.bench.machine
 | "Measured on \(.date): \(.processors) processors (\(.processor)), \(.memory), \(.kernel), redis-server \(.redis) on a",
   "Unix socket on the same machine, nothing on disk except for the curve about that (\(.files)); \(.darg)."),
"",
targets_section, curves_section, prefetch_section, profile_section, bench_section, noise_section
