set -eu
$DARG doctor -q jobs >doctor.out || true
grep -E '^ok +worker' doctor.out
