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
local now = server_ms()
if not redis.call('ZSCORE', workers, worker) then return {'lost'} end
local state = redis.call('HMGET', settings, 'drained_at', 'drain_number')
local last = drain_name(state[2], state[1])
if is_later_drain(last, known) then return {'drained', last} end
local head = redis.call('LINDEX', queue, -1)
local ahead = redis.call('LLEN', inbox) + redis.call('LLEN', suspects)
local reaping = redis.call('SCARD', reaped)
redis.call('SCARD', drained)
if ahead > 0 or not head or not is_sentinel(head) then
  redis.call('SREM', drained, worker)
  return {'work', last}
end
if held_count(claimed) > 0 then
  redis.call('SREM', drained, worker)
  return {'holding', last}
end
-- Sentinels in a row are one, which waits for retries if one of them does.
local retired, awaits = 0, false
while head and retired < 1000 do
  local is_next, also_awaits = is_sentinel(head)
  if not is_next then break end
  retired, awaits = retired + 1, awaits or also_awaits
  head = redis.call('LINDEX', queue, -1 - retired)
end
-- Every key's type is looked at before the first write.
if awaits then redis.call('ZCARD', scheduled) end
redis.call('SADD', drained, worker)
-- Only registered workers are ever in `drained`: leaving the one always leaves the other too.
if reaping > 0 or redis.call('SCARD', drained) < redis.call('ZCARD', workers) then
  return {'waiting', last}
end
if awaits then
  -- The sentinel may have been pushed without telling promote.
  if not redis.call('HGET', settings, 'drain_retries') then redis.call('HSET', settings, 'drain_retries', '1') end
  -- Nobody holds a job, so no new retry can come: the existing ones stay where they are until they are due, unless a worker
  -- that joins meanwhile has run one, and then `retried` has grown.
  local grown = redis.pcall('HMGET', counts, 'retried')[1] or ''
  if grown ~= retried then cursor = '0' end
  local members, bytes = 0, 0
  repeat
    local page = redis.call('ZSCAN', scheduled, cursor, 'COUNT', 16)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      if has_been_taken(page[2][i]) then return {'waiting', last} end
      members, bytes = members + 1, bytes + #page[2][i]
    end
  until cursor == '0' or members >= 2000 or bytes >= 4194304
  if cursor ~= '0' then return {'looking', last, cursor, grown} end
end
redis.call('RPOP', queue, retired)
if not head then redis.call('HDEL', settings, 'drain_retries') end
-- No two drains have the same time. The number exceeds even that of a drain that the worker knows and Redis no longer
-- does.
if now == whole(state[1]) then now = now + 1 end
local number = math.max(whole(state[2]) or 0, drain_parts(known) or 0) + 1
local at = string.format('%.0f', now)
number = string.format('%.0f', number)
redis.call('HSET', settings, 'drained_at', at, 'drain_number', number)
count(counts, 'drains', 1)
return {'drained', drain_name(number, at)}
