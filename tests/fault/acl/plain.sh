# A producer that knows Redis and nothing of darg.
set -eu
$R_AS_USER lpush 'darg:{jobs}' '{"type":"noop"}' | grep -E '^[0-9]+$'
