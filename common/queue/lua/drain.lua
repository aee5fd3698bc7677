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
-- KEYS[9] suspects
-- ARGV: worker, the drained_at that it was answered last ('': none)
-- Answers {'lost'} (not registered), {'work'} (jobs stand ahead of the sentinel, or it is gone: claim), {'holding'} (the
-- worker still holds jobs), {'waiting'} (for other workers), {'drained', drained_at} (the drain is complete: deregister).
--#include _time.lua
--#include _sentinel.lua
local worker, now = ARGV[1], server_ms()
if not redis.call('ZSCORE', KEYS[4], worker) then return {'lost'} end
local drained_at = redis.call('HGET', KEYS[7], 'drained_at')
-- Compared, not reckoned with: the clock may have been set since.
if whole(drained_at) and drained_at ~= ARGV[2] then return {'drained', drained_at} end
local head = redis.call('LINDEX', KEYS[1], -1)
local ahead = redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[9])
local reaping = redis.call('SCARD', KEYS[6])
redis.call('SCARD', KEYS[5])
if ahead > 0 or not head or not is_sentinel(head) then
  redis.call('SREM', KEYS[5], worker)
  return {'work'}
end
if redis.call('HLEN', KEYS[3]) - redis.call('HEXISTS', KEYS[3], 'last') > 0 then
  redis.call('SREM', KEYS[5], worker)
  return {'holding'}
end
redis.call('SADD', KEYS[5], worker)
-- Only registered workers are ever in `drained`: leaving the one always leaves the other too.
if reaping > 0 or redis.call('SCARD', KEYS[5]) < redis.call('ZCARD', KEYS[4]) then
  return {'waiting'}
end
local retired = 0
while head and is_sentinel(head) and retired < 1000 do
  redis.call('RPOP', KEYS[1])
  retired = retired + 1
  head = redis.call('LINDEX', KEYS[1], -1)
end
-- No two drains have the same time.
if now == whole(drained_at) then now = now + 1 end
drained_at = string.format('%.0f', now)
redis.call('HSET', KEYS[7], 'drained_at', drained_at)
count(KEYS[8], 'drains', 1)
return {'drained', drained_at}
