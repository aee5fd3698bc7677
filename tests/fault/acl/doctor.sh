# What darg doctor says of this user's rights; it tries some that an operator has no need of.
set -eu
$DARG doctor -q jobs >doctor.out || test $? = 1
