#!/bin/sh
# Each redis-cli command that README.md and docs/producing.md show is run, in their order and with a worker
# of both queues beside it; what the page says comes back of them does.
set -eu
command -v redis-cli >/dev/null || { echo 'skipped: there is no redis-cli'; exit 77; }
work=$(mktemp -d)
redis=local:$work/redis
worker=
clean_up() {
    if [ -n "$worker" ]; then
        kill "$worker" 2>/dev/null || true
        wait "$worker" || true
    fi
    "$DARG_BUILD_DIR/darg" redis stop -r "$redis" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

mkfifo "$work/ready"
"$DARG_BUILD_DIR/darg-worker" -r "$redis" -q default -q mail --handler welcome=cat --ready-fd 3 \
    3>"$work/ready" 2>"$work/log" &
worker=$!
read -r _ <"$work/ready" || { cat "$work/log" && exit 1; }
socket=$(find "$work/redis" -type s)

sed -n 's/^    redis-cli //p' README.md docs/producing.md >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 6 ]
while read -r command; do
    # What is kept is there once the job has ended.
    case $command in LINDEX*) "$DARG_BUILD_DIR/darg" result e2 -r "$redis" --wait >"$work/result" ;; esac
    eval "redis-cli -s '$socket' $command" </dev/null >"$work/answer"
    cat "$work/answer" >>"$work/answers"
done <"$work/commands"
cat "$work/answers"

if grep -qiE '^(ERR|WRONGTYPE|NOPERM)' "$work/answers"; then exit 1; fi
shown=$(sed -n 's/^    \({"id":"e1".*"outcome":"done".*\)/\1/p' docs/producing.md)
[ -n "$shown" ]
grep -qFx "$shown" "$work/answers"                                  # by BLPOP
[ "$(sed 's/"id":"e2"/"id":"e1"/' "$work/answer")" = "$shown" ]     # by LINDEX, which comes last
[ "$(cat "$work/result")" = '[1,2]' ]
