#!lua flags=allow-oom
-- sentinel: `darg drain` pushes the sentinel, unless the queue's last element is one already. Or an at-most-once worker
-- that has popped it hands it back to the head of the line.
-- KEYS[1] queue
-- KEYS[2] settings
-- KEYS[3] inbox
-- ARGV: 'push'; 'return'; or 'again' and the last drained_at the caller knows: a repeat, for a sentinel that vanished with
-- an at-most-once worker: only onto an empty queue, and only if no drain has ended since
-- Answers {pushed 1|0, now, drained_at or 0, paused 1|0}. Repeatable.
--#include _time.lua
--#include _sentinel.lua
local now, mode = server_ms(), ARGV[1]
local neighbour = redis.call('LINDEX', KEYS[1], mode == 'return' and -1 or 0)
local waiting = redis.call('LLEN', KEYS[3])
local state = redis.call('HMGET', KEYS[2], 'drained_at', 'paused')
local is_there = neighbour and is_sentinel(neighbour)
  or mode == 'again' and (neighbour or waiting > 0 or (whole(state[1]) or 0) ~= whole(ARGV[2]))
if not is_there then
  redis.call(mode == 'return' and 'RPUSH' or 'LPUSH', KEYS[1], '{"darg":"drain"}')
end
return {is_there and 0 or 1, now, whole(state[1]) or 0, state[2] and 1 or 0}
