# Every command of darg but push, at least once.
set -eu
$DARG stats
$DARG queues
$DARG queues list
$DARG queues forget finished fresh
$DARG queues forget ops && exit 1
$DARG workers
$DARG peek -q ops
$DARG dead list -q ops
$DARG dead retry -q ops --type b
$DARG dead drop -q ops --type c --yes
$DARG pause -q ops
$DARG resume -q ops
$DARG limit -q ops --max-len 5
$DARG stop -q ops
$DARG resume -q ops
$DARG quiet --all
$DARG resume --all
$DARG stop --worker old
$DARG resume --worker old
$R lpush 'darg:{ops}' '{"type":"noop","id":"z","reply":"z","keep_ms":60000}'
$DARG status -q ops z
$DARG limit -q ops --dead-max 1 --dead-age 1h
$DARG cancel -q ops z
$DARG limit -q ops --dead-age 1ms
$DARG cancel -q ops later
$DARG result -q ops z --wait && exit 1
$DARG result -q ops nothing --wait --timeout 100ms && exit 1
$DARG limit -q ops --dead-max none --dead-age none
$DARG drain -q ops
$DARG fsck -q ops --lease 100ms && exit 1
$DARG fsck --all --repair --lease 100ms
$DARG fsck -q pops --repair
$DARG purge -q ops --waiting --scheduled --dead --yes
