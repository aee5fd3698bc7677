set -eu
$DARG doctor -q jobs >doctor.out || true
grep -E '^ok +producer' doctor.out
