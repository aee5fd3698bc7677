# report.awk - reads the rows of tests/bench/run and the file `results`; prints the table and writes
# the file `json`: of each result the median, least and most; the rows as shown; and how much the same
# raw loop varied.

function collect(    line, part, name) {
    while ((getline line < results) > 0) {
        split(line, part, "\t")
        name = part[1]
        if (!(name in seen)) names[++name_count] = name
        all[name, ++seen[name]] = part[2] + 0
    }
}

# Sorts the values of a result.
function sort(name,    i, j, value) {
    for (i = 2; i <= seen[name]; i++) {
        value = all[name, i]
        for (j = i - 1; j > 0 && all[name, j] > value; j--) all[name, j + 1] = all[name, j]
        all[name, j + 1] = value
    }
}

function median(name) { return all[name, int((seen[name] + 1) / 2)] }

function shown(value, unit) {
    if (unit == "jobs/s" || unit == "us" || unit == "B") return sprintf("%d", value)
    return sprintf(unit == "us/job" ? "%.2f" : "%.1f", value)
}

function is_met(value, ratio, target,    part) {
    split(target, part, " ")
    if (part[1] == "x") return part[2] == ">=" ? ratio >= part[3] : ratio <= part[3]
    return part[1] == ">=" ? value >= part[2] : value <= part[2]
}

# A backslash or a quote never stands in a row.
function add_row(value, raw, ratio, verdict,    text) {
    text = sprintf("    {\"label\": \"%s\", \"result\": \"%s\", \"unit\": \"%s\", \"value\": %.3f", \
        $1, $2, $3, value)
    if (raw != "") text = text sprintf(", \"raw\": \"%s\", \"raw_value\": %.3f, \"ratio\": %.3f, \"what\": \"%s\"", \
        $5, raw, ratio, $6)
    if (verdict != "") text = text sprintf(", \"target\": \"%s\", \"met\": %s", $4, \
        verdict == "ok" ? "true" : "false")
    rows = rows (rows == "" ? "" : ",\n") text "}"
}

BEGIN {
    collect()
    for (i = 1; i <= name_count; i++) sort(names[i])
    format = "%-33s %10s %-8s %-10s %-3s %10s %6s  %s\n"
    printf format, "", "darg", "", "target", "", "raw", "ratio", "what is raw"
}
{
    if (!($2 in seen) || $5 != "" && !($5 in seen)) {
        print "nothing has measured " ($2 in seen ? $5 : $2)
        failed = 1
        exit
    }
    value = median($2)
    raw = $5 == "" ? "" : median($5)
    if ($5 != "" && raw <= 0) {
        print $5 " is 0"
        failed = 1
        exit
    }
    ratio = $5 == "" ? "" : value / raw
    verdict = $4 == "" ? "" : is_met(value, ratio, $4) ? "ok" : "NO"
    printf format, $1, shown(value, $3), $3, $4, verdict, raw == "" ? "" : shown(raw, $3), \
        raw == "" ? "" : sprintf("%.2f", ratio), $6
    add_row(value, raw, ratio, verdict)
}
END {
    if (failed) exit 1
    loops = seen["raw_claim.rate"]
    slowest = all["raw_claim.rate", 1]
    fastest = all["raw_claim.rate", loops]
    spread = (fastest - slowest) / slowest
    printf "\nNoise: the bare claim loop, run %d times, gave %d to %d jobs/s: %.0f %% apart.\n", \
        loops, slowest, fastest, spread * 100
    printf "Load average %s before, %s after; %d jobs a run; %d s.\n", load_before, load_after, jobs, seconds
    printf "{\n  \"results\": {" > json
    for (i = 1; i <= name_count; i++)
        printf "%s\n    \"%s\": {\"median\": %.3f, \"least\": %.3f, \"most\": %.3f, \"runs\": %d}", \
            (i > 1 ? "," : ""), names[i], median(names[i]), all[names[i], 1], \
            all[names[i], seen[names[i]]], seen[names[i]] > json
    printf "\n  },\n  \"rows\": [\n%s\n  ],\n", rows > json
    printf "  \"noise\": {\"runs\": %d, \"slowest\": %d, \"fastest\": %d, \"spread\": %.3f,\n" \
        "    \"load_before\": \"%s\", \"load_after\": \"%s\"},\n", \
        loops, slowest, fastest, spread, load_before, load_after > json
    printf "  \"jobs\": %d,\n  \"seconds\": %d\n}\n", jobs, seconds > json
}
