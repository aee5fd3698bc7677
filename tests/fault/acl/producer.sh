# darg push in all its ways; somebody else's worker serves the queue "echoes".
set -eu
$DARG push -q jobs noop
$DARG push -q jobs noop --delay 10m
printf '{"type":"noop"}\n' | $DARG push -q jobs --jsonl --quiet
test "$($DARG push -q echoes echo '"hi"' --wait)" = hi
