# lib.sh - what the benchmarks in this directory share: a private Redis in $work, gone when the script ends
# however that happens; jobs; and results. Source it first.
#
# A result is a line "NAME<tab>VALUE" in the file $results; measurements append theirs.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C

build=${DARG_BUILD_DIR:-$(cd "$(dirname "$0")/../.." && pwd)/build}
for name in "${!DARG_@}"; do unset "$name"; done # the caller's settings would be measured too

work=$(mktemp -d)
socket=$work/redis.sock
url=unix://$socket
results=$work/results
payload=49 # bytes of args that make a job of 100 bytes
redis=
worker=
endpoint= # an HTTP server

stop() {
    if [ -n "$1" ]; then
        kill "$1" 2>/dev/null || true
        wait "$1" || true
    fi
}
clean_up() {
    trap '' INT TERM HUP
    stop "$worker"
    stop "$endpoint"
    stop "$redis"
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step() { printf '  %-28s %4d s\n' "$1" "$SECONDS" >&2; }

darg() { "$build/darg" "$@" -r "$url" -q bench; }

# keep COMMAND...: its numbers are among the results; of those that come several times, the median
# counts.
keep() { "$@" >>"$results"; }

# start_redis OPTION...
start_redis() {
    redis-server --port 0 --unixsocket "$socket" --dir "$work" --save '' "$@" \
        >"$work/redis.log" &
    redis=$!
    darg stats --connect-timeout 10s >"$work/stats" || {
        cat "$work/redis.log" >&2
        exit 1
    }
}
stop_redis() {
    stop "$redis"
    redis=
}

raw() { keep "$build/bench/raw" "$url" "$@"; }

# fill N: jobs that something else is measured with.
fill() { "$build/bench/fill" "$url" 'darg:{bench}' "$1" "$payload"; }

# make_jobs N: the same, for standard input: a job a line in $work/jobs.
make_jobs() {
    awk -v n="$1" 'BEGIN {
        filler = sprintf("%100s", "")
        gsub(" ", "x", filler)
        for (i = 0; i < n; i++)
            printf "{\"id\":\"%016x\",\"type\":\"noop\",\"args\":[\"%.49s\"]}\n", i, filler
    }' >"$work/jobs"
    if [ "$(head -n 1 "$work/jobs" | wc -c)" -ne 101 ]; then
        echo 'the jobs are not 100 bytes long' >&2
        exit 1
    fi
}

# drain NAME N OPTION...: one worker, until N jobs that wait are done.
drain() {
    local name=$1 n=$2
    shift 2
    keep "$build/bench/timed" "$url" "${queues:-1}" "$name" "done" "$n" \
        "$build/darg-worker" -r "$url" -q bench --log-level warn "$@" </dev/null
}

# start_worker PROGRAM OPTION...: $worker, in the background; returns when it can claim.
start_worker() {
    [ -p "$work/ready" ] || mkfifo "$work/ready"
    "$@" -r "$url" --ready-fd 3 3>"$work/ready" </dev/null &
    worker=$!
    read -r _ <"$work/ready"
}
stop_worker() {
    stop "$worker"
    worker=
}

wait_drained() {
    local deadline=$((SECONDS + 60))
    until darg stats --json | grep -qE '"waiting":0,"held":0,'; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            darg stats >&2
            exit 1
        fi
        sleep 0.05
    done
}

# describe_machine: JSON members that say what this was measured on.
describe_machine() {
    jq -n --arg processor "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
        --argjson processors "$(nproc)" --arg kernel "$(uname -sr)" \
        --arg memory "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)" \
        --arg files "$(stat -f -c %T "$work")" \
        --arg redis "$(redis-server --version | sed 's/.* v=\([^ ]*\) .*/\1/')" \
        --arg darg "$("$build/darg" --version)" \
        --arg date "$(date -u +%Y-%m-%d)" '$ARGS.named'
}
