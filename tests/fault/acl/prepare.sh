# What the administrator lays out for the scenarios: for each script and branch something to do. $R is redis-cli.
set -eu
$R flushall
$R eval "for i = 1, 10001 do redis.call('HSET', KEYS[1], i, '{\"type\":\"noop\"}') end" 1 'darg:{big}:claimed:dead.1'
$R zadd 'darg:{big}:workers' 1 dead.1
for queue in jobs pops; do $R hset "darg:{$queue}:settings" dead_max 1 dead_age_ms 1 concurrency 1000; done
$R lpush 'darg:{jobs}' '{"type":"echo","args":1,"reply":"r"}' '{"type":"fail","max_attempts":2,"reply":"r"}' \
    '{"type":"fail","max_attempts":1}' '{"type":"noop","id":"k","keep_ms":60000}' garbage garbage
$R lpush 'darg:{jobs}:inbox' '{"type":"noop"}'
$R zadd 'darg:{jobs}:scheduled' 1 '{"type":"noop"}'
# A suspect on its way through the common line.
$R lpush 'darg:{jobs}' '{"darg":1,"runs":1,"crashes":1,"job":{"type":"noop"}}'
$R lpush 'darg:{jobs}' '{"darg":"drain","retries":true}'
$R lpush 'darg:{big}' '{"darg":"drain"}'
$R lpush 'darg:{pops}' '{"type":"echo","args":1,"reply":"r"}' '{"type":"fail","reply":"r"}' '{"type":"fail"}' \
    '{"type":"noop","id":"k","keep_ms":60000}' '{"darg":"drain"}'
for queue in jobs ops; do $R zadd "darg:{$queue}:gone" 1 long-ago.1; done
$R set 'darg:{odd}:settings' 'of the wrong type'
# For the operator: dead jobs, a holding that nobody owns, a worker that died long ago.
$R lpush 'darg:{ops}' '{"type":"a"}'
$R zadd 'darg:{ops}:dead' 1 '{"type":"b"}' 2 '{"type":"c"}' 3 '{"type":"d"}'
$R zadd 'darg:{ops}:scheduled' 1 '{"type":"b"}' 2 '{"type":"b","id":"later"}'
$R hset 'darg:{ops}:claimed:dead.1' 1 '{"type":"a"}' x y last 0:1:0
$R sadd 'darg:{ops}:drained' nobody.1
$R sadd 'darg:{ops}:reaped' gone.1
$R zadd 'darg:{ops}:workers' 1 old.1
$R lpush 'darg:{ops}:inbox' '{"type":"a"}'
$R sadd darg:queues ops big finished fresh
# Queues that were empty for long: one still is, one has a job again.
$R zadd darg:queues:idle 1 finished 1 back
$R lpush 'darg:{back}' '{"type":"a"}'
$R hset darg:worker:old host h
