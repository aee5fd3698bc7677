# The life of workers: a drain with a dead peer, retries, dead jobs, a killed child, at most once, a damaged queue.
set -eu
start() {
    mkfifo ready
    "$WORKER" --log-level off "$@" --ready-fd 3 3>ready &
    worker=$!
    read -r _ <ready
    rm ready
}
end() {
    kill "$worker"
    wait "$worker"
}
# First, so that a call of MGET can only be its own: it has got that far, and listens to signals.
"$WORKER" -q odd --log-level off &
worker=$!
until [ -n "$($R latency histogram mget)" ]; do sleep 0.02; done
end
"$WORKER" -q jobs -q big --lease 1s --backoff 10ms --log-level error
"$WORKER" -q jobs --burst --backoff 10ms --log-level error
# Fewer threads than jobs: one of them has a job behind it, and then asks for the next without waiting.
"$WORKER" -q pops --threads 2 --delivery at-most-once --log-level error
start -q pops --delivery at-most-once
end
start -q kills
kill -9 "$(cat "/proc/$worker/task/$worker/children")"
until [ "$($R exists 'darg:{kills}:gone')" = 1 ]; do sleep 0.02; done
# Redis counts a call that blocks when it ends, not before.
until $R info clients | grep -q '^blocked_clients:[1-9]'; do sleep 0.02; done
$R lpush 'darg:{kills}' '{"type":"noop"}' >answer
until [ "$($R hget 'darg:{kills}:counts' done)" = 1 ]; do sleep 0.02; done
end
# A job that runs for long is told of, and stopped when it is cancelled.
start -q longs
$R lpush 'darg:{longs}' '{"type":"sleep","args":1000000,"id":"z"}' >answer
until [ -n "$($R keys 'darg:{longs}:running:*')" ]; do sleep 0.02; done
$R zadd 'darg:{longs}:cancel' 1 z >answer
until [ "$($R hget 'darg:{longs}:counts' buried)" = 1 ]; do sleep 0.02; done
until [ -z "$($R keys 'darg:{longs}:running:*')" ]; do sleep 0.02; done
end
# Its keeper looks after the names of queues, unless the one of a worker above has its turn.
$R del darg:queues:turn >answer
start -q longs
until [ "$($R sismember darg:queues back)" = 1 ]; do sleep 0.02; done
end
