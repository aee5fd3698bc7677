#!lua flags=allow-oom
-- claim: a worker takes up to n jobs; they are recorded as held by it before anybody sees them.
-- KEYS[1] queue
-- KEYS[2] inbox
-- KEYS[3] claimed
-- KEYS[4] workers
-- KEYS[5] scheduled
-- KEYS[6] settings
-- KEYS[7] counts
-- KEYS[8] drained
-- ARGV: worker, base (number of the last job given to it), n (1 to 1000), budget in bytes, 1 to discard sentinels
-- Answers {'jobs', now, base, {job or nil, ...}}: numbers base+1 ...; or {'empty', now, next due time or nil};
-- {'drain', now}: the sentinel is at the head; {'wait', now, ms}: paused, over the rate, at the concurrency, or a suspect
-- is next and the worker holds one;
-- {'stale', now}: an old request delivered late; {'lost', now}: the worker is not registered (any more).
-- Repeatable: the receipt `last` (base:count:suspect) tells a repeated call from a new one. A suspect is a job that was
-- there when a worker died: it is answered alone, and a worker holds one at a time, so that the one that kills does not
-- take the others from crash to crash with it.
--#include _time.lua
--#include _sentinel.lua
--#include _envelope.lua
--#include _inbox.lua
--#include _due.lua
local call, byte, format = redis.call, string.byte, string.format
local queue, inbox, claimed = KEYS[1], KEYS[2], KEYS[3]
local base, n, budget = whole(ARGV[2]), whole(ARGV[3]), whole(ARGV[4])
local discard = ARGV[5] == '1'
if not base or not n or not budget or n < 1 or n > 1000 then
  return redis.error_reply('ERR claim: base, n or budget is out of range')
end
local now = server_ms()

if not call('ZSCORE', KEYS[4], ARGV[1]) then return {'lost', now} end
local suspect = '0' -- number of the suspect that the worker holds; 0: none
local receipt = call('HGET', claimed, 'last')
if receipt then
  local last_base, last_count, last_suspect = string.match(receipt, '^(%d+):(%d+):(%d+)$')
  last_base, last_count = whole(last_base), whole(last_count)
  if not last_base or not last_count or last_count > 1000 then return {'stale', now} end
  if last_base == base then
    local numbers = {}
    for i = 1, last_count do numbers[i] = base + i end
    return {'jobs', now, base, call('HMGET', claimed, unpack(numbers))}
  end
  if last_base + last_count ~= base then return {'stale', now} end
  if call('HEXISTS', claimed, last_suspect) == 1 then suspect = last_suspect end
end

-- Every key's type is looked at before the first write: Redis does not roll a script back.
local woken = call('LLEN', inbox)
local head = call('LINDEX', queue, -1)
local limits = call('HMGET', KEYS[6], 'paused', 'rate', 'rate_ms', 'rate_at', 'concurrency')

if woken > 0 then head = call('LINDEX', inbox, -1) end
if not discard and head and is_sentinel(head) then
  empty_inbox(inbox, queue)
  return {'drain', now}
end

if limits[1] then return {'wait', now, 1000} end
local rate, rate_ms, rate_at = whole(limits[2]), whole(limits[3]), nil
if rate and rate_ms and rate > 0 and rate_ms > 0 then
  -- A bucket that holds one period's worth: rate_at is the time up to which it is used up. Never in the future, unless
  -- the clock was set back: what was allowed by then is forgotten at once, or nothing would be until the clock is there again.
  local used_up = tonumber(string.match(limits[4] or '', '^[%d.]+$')) or 0
  rate_at = math.min(math.max(used_up, now - rate_ms), now)
  if used_up > now then call('HSET', KEYS[6], 'rate_at', format('%.0f', now)) end
  local allowed = math.floor((now - rate_at) * rate / rate_ms)
  if allowed < 1 then return {'wait', now, math.ceil(rate_ms / rate - (now - rate_at))} end
  n = math.min(n, allowed)
end
local concurrency = whole(limits[5])
if concurrency then
  local c = call('HMGET', KEYS[7], 'claimed', 'done', 'retried', 'buried', 'released', 'reaped')
  local held = tonumber(c[1]) or 0
  for i = 2, 6 do held = held - (tonumber(c[i]) or 0) end
  if held >= concurrency then return {'wait', now, 100} end
  n = math.min(n, concurrency - held)
end

local jobs, taken, bytes, discarded, full, is_kept_back = {}, 0, 0, 0, false, false

-- Returns a step's elements from `from` on to the head of the line, in their order, and ends the batch.
local function give_back(step, from)
  local rest = {}
  for i = #step, from, -1 do rest[#rest + 1] = step[i] end
  if #rest > 0 then call('RPUSH', queue, unpack(rest)) end
  full = true
end

local function has_crashed(job)
  local _, crashes = envelope_of(job)
  return crashes ~= nil and crashes > 0
end

local function accept(step)
  for i = 1, #step do
    local job = step[i]
    local a, b, c = byte(job, 1, 3)
    -- `{"x` is the start of nearly every job, and of neither a sentinel nor an envelope.
    local is_plain = a == 123 and b == 34 and c ~= 100
    if not is_plain and is_sentinel(job) then
      if not discard then return give_back(step, i) end
      discarded = discarded + 1
    else
      local is_suspect = not is_plain and has_crashed(job)
      is_kept_back = is_suspect and suspect ~= '0'
      if is_suspect and (taken > 0 or is_kept_back) then return give_back(step, i) end
      taken = taken + 1
      jobs[taken] = job
      bytes = bytes + #job
      if is_suspect then suspect = string.format('%.0f', base + 1) end
      if is_suspect or bytes >= budget then return give_back(step, i + 1) end
    end
  end
end

empty_inbox(inbox, queue)
-- Small steps that grow: one huge job must not drag hundreds of others out and back in.
local size = 1
while not full and taken < n and discarded < 1000 do
  local step = call('RPOP', queue, math.min(size, n - taken))
  if not step then break end
  accept(step)
  size = math.min(size * 4, 128)
end
count(KEYS[7], 'discarded', discarded)
if taken == 0 and is_kept_back then return {'wait', now, 50} end
if taken == 0 then
  local due = redis.pcall('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')
  return {'empty', now, due_of(due[2])}
end
local entries = {}
for i = 1, taken do
  entries[2 * i - 1] = format('%d', base + i) -- Redis would print the number as a float, which takes longer than all else
  entries[2 * i] = jobs[i]
end
entries[#entries + 1] = 'last'
entries[#entries + 1] = string.format('%.0f:%d:%s', base, taken, suspect)
call('HSET', claimed, unpack(entries))
-- It does so already, unless a late request has put it there again: who holds jobs is not waiting for a drain's end.
redis.pcall('SREM', KEYS[8], ARGV[1])
count(KEYS[7], 'claimed', taken)
if rate_at then
  call('HSET', KEYS[6], 'rate_at', string.format('%.3f', rate_at + taken * rate_ms / rate))
end
return {'jobs', now, base, jobs}
