# darg push in all its ways. Somebody else's worker serves the queue "echoes", once somebody waits for it in vain.
set -eu
waits() {
    until $R client list | grep -q 'addr=127.0.0.1.* cmd=blmove'; do sleep 0.02; done
}
$DARG push -q echoes echo '"hi"' --wait >said &
push=$!
waits
"$WORKER" -r "$SERVER" -q echoes --log-level off &
worker=$!
trap 'kill $worker; wait $worker' EXIT
wait $push
test "$(cat said)" = hi
$DARG result -q echoes kept --wait >said &
result=$!
waits
$DARG push -q echoes echo 1 --id kept --keep 1h
wait $result
test "$(cat said)" = 1
test "$($DARG result -q echoes kept)" = 1
$DARG push -q jobs noop
$DARG push -q jobs noop --delay 10m
printf '{"type":"noop"}\n' | $DARG push -q jobs --jsonl --quiet
