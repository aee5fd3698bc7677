# darg push in all its ways; somebody else's worker serves the queue "echoes".
set -eu
$DARG push -q jobs noop
$DARG push -q jobs noop --delay 10m
$DARG push -q echoes echo 1 --id kept --keep 1h
test "$($DARG result -q echoes kept --wait)" = 1
test "$($DARG result -q echoes kept)" = 1
printf '{"type":"noop"}\n' | $DARG push -q jobs --jsonl --quiet
test "$($DARG push -q echoes echo '"hi"' --wait)" = hi
