#!lua flags=allow-oom
-- sentinel: `darg drain` pushes the sentinel, unless the queue's last element is one already. Or an at-most-once worker
-- that has popped it hands it back to the head of the line.
-- KEYS[1] queue
-- KEYS[2] settings
-- KEYS[3] inbox
-- ARGV: 'push', 'return' or 'again'; the last drained_at the caller knows; 1 if the drain waits for retries, too. 'again' is a
-- repeat, for a sentinel that vanished with an at-most-once worker: only onto an empty queue, and only if no drain has ended
-- since
-- Answers {pushed 1|0, now, drained_at or 0, paused 1|0}. Repeatable.
--#include _time.lua
--#include _sentinel.lua
local now, mode = server_ms(), ARGV[1]
local neighbour = redis.call('LINDEX', KEYS[1], mode == 'return' and -1 or 0)
local waiting = redis.call('LLEN', KEYS[3])
local state = redis.call('HMGET', KEYS[2], 'drained_at', 'paused')
local is_sentinel_there, awaits = false, false
if neighbour then is_sentinel_there, awaits = is_sentinel(neighbour) end
local is_there = is_sentinel_there and (awaits or ARGV[3] ~= '1')
  or mode == 'again' and (neighbour or waiting > 0 or (whole(state[1]) or 0) ~= whole(ARGV[2]))
local wanted = ARGV[3] == '1' and '{"darg":"drain","retries":true}' or '{"darg":"drain"}'
if not is_there then
  redis.call(mode == 'return' and 'RPUSH' or 'LPUSH', KEYS[1], wanted)
end
-- Seen by promote: as long as such a sentinel may be in line, due retries come back ahead of it.
if ARGV[3] == '1' and (not is_there or is_sentinel_there) then redis.call('HSET', KEYS[2], 'drain_retries', '1') end
return {is_there and 0 or 1, now, whole(state[1]) or 0, state[2] and 1 or 0}
