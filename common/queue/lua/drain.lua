#!lua flags=allow-oom
-- drain: a worker that has met the sentinel and holds nothing waits for the others. Whoever finds everybody waiting
-- and nothing left ahead of the sentinel retires it.
-- KEYS[1] queue
-- KEYS[2] inbox
-- KEYS[3] claimed
-- KEYS[4] workers
-- KEYS[5] drained
-- KEYS[6] reaped
-- KEYS[7] settings
-- KEYS[8] counts
-- ARGV: worker, age of its process in ms
-- Answers 'lost' (not registered), 'work' (jobs stand ahead of the sentinel, or it is gone: claim), 'holding' (the
-- worker still holds jobs), 'waiting' (for other workers), 'drained' (the drain is complete: deregister and exit).
--#include _time.lua
--#include _sentinel.lua
local worker, now = ARGV[1], server_ms()
if not redis.call('ZSCORE', KEYS[4], worker) then return 'lost' end
local drained_at = whole(redis.call('HGET', KEYS[7], 'drained_at'))
if drained_at and drained_at <= now and drained_at >= now - tonumber(ARGV[2]) then
  return 'drained'
end
local head = redis.call('LINDEX', KEYS[1], -1)
local ahead = redis.call('LLEN', KEYS[2])
local reaping = redis.call('SCARD', KEYS[6])
redis.call('SCARD', KEYS[5])
if ahead > 0 or not head or not is_sentinel(head) then
  redis.call('SREM', KEYS[5], worker)
  return 'work'
end
if redis.call('HLEN', KEYS[3]) - redis.call('HEXISTS', KEYS[3], 'last') > 0 then
  redis.call('SREM', KEYS[5], worker)
  return 'holding'
end
redis.call('SADD', KEYS[5], worker)
-- Only registered workers are ever in `drained`: leaving the one always leaves the other too.
if reaping > 0 or redis.call('SCARD', KEYS[5]) < redis.call('ZCARD', KEYS[4]) then
  return 'waiting'
end
local retired = 0
while head and is_sentinel(head) and retired < 1000 do
  redis.call('RPOP', KEYS[1])
  retired = retired + 1
  head = redis.call('LINDEX', KEYS[1], -1)
end
redis.call('HSET', KEYS[7], 'drained_at', now)
count(KEYS[8], 'drains', 1)
return 'drained'
