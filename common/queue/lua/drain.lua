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
-- KEYS[10] scheduled
-- ARGV[1] worker
-- ARGV[2] known: the last drain that it was told of; '': none
-- ARGV[3] cursor: what it was answered last by 'looking', or '0'
-- ARGV[4] retried: likewise, or ''
-- Answers {'lost'} (not registered), or a word and the last drain, which the worker is to know from now on: 'work' (jobs
-- stand ahead of the sentinel, or it is gone: claim), 'holding' (the worker still holds jobs), 'waiting' (for other workers,
-- or for retries), 'drained' (the drain is complete: deregister), or 'looking', with a cursor and `retried` behind that (for
-- retries among all that is scheduled, step by step: to be called again with these).
--#include _time.lua
--#include _sentinel.lua
--#include _envelope.lua
--#include _drains.lua
--#include _held.lua
local worker, now = ARGV[1], server_ms()
if not redis.call('ZSCORE', KEYS[4], worker) then return {'lost'} end
local state = redis.call('HMGET', KEYS[7], 'drained_at', 'drain_number')
local last = drain_name(state[2], state[1])
if is_later_drain(last, ARGV[2]) then return {'drained', last} end
local head = redis.call('LINDEX', KEYS[1], -1)
local ahead = redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[9])
local reaping = redis.call('SCARD', KEYS[6])
redis.call('SCARD', KEYS[5])
if ahead > 0 or not head or not is_sentinel(head) then
  redis.call('SREM', KEYS[5], worker)
  return {'work', last}
end
if held_count(KEYS[3]) > 0 then
  redis.call('SREM', KEYS[5], worker)
  return {'holding', last}
end
-- Sentinels in a row are one, which waits for retries if one of them does.
local retired, awaits = 0, false
while head and retired < 1000 do
  local is_next, also_awaits = is_sentinel(head)
  if not is_next then break end
  retired, awaits = retired + 1, awaits or also_awaits
  head = redis.call('LINDEX', KEYS[1], -1 - retired)
end
-- Every key's type is looked at before the first write.
if awaits then redis.call('ZCARD', KEYS[10]) end
redis.call('SADD', KEYS[5], worker)
-- Only registered workers are ever in `drained`: leaving the one always leaves the other too.
if reaping > 0 or redis.call('SCARD', KEYS[5]) < redis.call('ZCARD', KEYS[4]) then
  return {'waiting', last}
end
if awaits then
  -- Whoever has pushed it without telling promote.
  if not redis.call('HGET', KEYS[7], 'drain_retries') then redis.call('HSET', KEYS[7], 'drain_retries', '1') end
  -- Nobody holds a job, so no retry can come: those that there are stay where they are until they are due, or a worker that
  -- comes meanwhile has run one and `retried` has grown.
  local retried = redis.pcall('HMGET', KEYS[8], 'retried')[1] or ''
  local cursor = ARGV[4] == retried and ARGV[3] or '0'
  local members, bytes = 0, 0
  repeat
    local page = redis.call('ZSCAN', KEYS[10], cursor, 'COUNT', 16)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      if has_been_taken(page[2][i]) then return {'waiting', last} end
      members, bytes = members + 1, bytes + #page[2][i]
    end
  until cursor == '0' or members >= 2000 or bytes >= 4194304
  if cursor ~= '0' then return {'looking', last, cursor, retried} end
end
redis.call('RPOP', KEYS[1], retired)
if not head then redis.call('HDEL', KEYS[7], 'drain_retries') end
-- No two drains have the same time. The number grows also for a worker that knew more of them than Redis does now.
if now == whole(state[1]) then now = now + 1 end
local number = math.max(whole(state[2]) or 0, drain_parts(ARGV[2]) or 0) + 1
local at = string.format('%.0f', now)
number = string.format('%.0f', number)
redis.call('HSET', KEYS[7], 'drained_at', at, 'drain_number', number)
count(KEYS[8], 'drains', 1)
return {'drained', drain_name(number, at)}
