#!lua flags=allow-oom
-- sentinel: `darg drain` pushes the sentinel, unless the queue's last element is one already. Or an at-most-once worker
-- that has popped it hands it back to the head of the line.
-- KEYS[1] queue
-- KEYS[2] settings
-- KEYS[3] inbox
-- ARGV[1] mode: 'push', 'return', 'again' or 'look'
-- ARGV[2] known: the last drain the caller knows; '': none
-- ARGV[3] awaits_retries: 1 if the drain waits for retries, too
-- 'again' is a repeat, for a sentinel that vanished with an at-most-once worker: only onto an empty queue, and only if no drain
-- has ended since. 'look' pushes nothing
-- Answers {pushed 1|0, now, last drain or '', paused 1|0, 1 if a drain has ended since the one that is known}. Repeatable.
--#include _time.lua
--#include _sentinel.lua
--#include _drains.lua
local now = server_ms()
local neighbour = redis.call('LINDEX', queue, mode == 'return' and -1 or 0)
local waiting = redis.call('LLEN', inbox)
local state = redis.call('HMGET', settings, 'drained_at', 'drain_number', 'paused')
local last = drain_name(state[2], state[1])
local has_drained = is_later_drain(last, known)
local answer = {0, now, last, state[3] and 1 or 0, has_drained and 1 or 0}
if mode == 'look' then return answer end
local is_sentinel_there, awaits = false, false
if neighbour then is_sentinel_there, awaits = is_sentinel(neighbour) end
local is_there = is_sentinel_there and (awaits or awaits_retries ~= '1')
  or mode == 'again' and (neighbour or waiting > 0 or has_drained)
local wanted = awaits_retries == '1' and '{"darg":"drain","retries":true}' or '{"darg":"drain"}'
if not is_there then
  redis.call(mode == 'return' and 'RPUSH' or 'LPUSH', queue, wanted)
end
-- Seen by promote: as long as such a sentinel may be in line, due retries come back ahead of it.
if awaits_retries == '1' and (not is_there or is_sentinel_there) then redis.call('HSET', settings, 'drain_retries', '1') end
answer[1] = is_there and 0 or 1
return answer
