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
-- KEYS[9] suspects
-- ARGV[1] worker
-- ARGV[2] base: number of the last job given to it
-- ARGV[3] n: 1 to 1000
-- ARGV[4] budget: how many bytes all jobs may have together
-- ARGV[5] discards: 1 to discard sentinels
-- ARGV[6] max_size: how many bytes of a job the worker takes
-- ARGV[7] max_crashes: with how many crashes it buries one
-- Answers {'jobs', now, base, {job, or {its bytes, the first of them} or nil, ...}}: numbers base+1 ...; or {'empty', now,
-- next due time or nil}; {'drain', now}: the sentinel is at the head; {'wait', now, ms}: paused, over the rate, at the
-- concurrency, or just suspects are left and the worker holds one;
-- {'stale', now}: an old request delivered late; {'lost', now}: the worker is not registered (any more).
-- Repeatable: the receipt `last` (base:count:suspect) tells a repeated call from a new one. A suspect, which was running
-- when a worker died, is answered alone, and a worker holds one at a time, so that the one that kills does not take the others
-- from crash to crash with it. What the worker would only bury is answered in short: reading it might be what kills.
--#include _time.lua
--#include _sentinel.lua
--#include _envelope.lua
--#include _suspects.lua
--#include _inbox.lua
--#include _due.lua
local SHORT = 65536 -- bytes: a head with all that matters, and no danger to anybody
local call, byte, format = redis.call, string.byte, string.format
local queue, inbox, claimed, suspects = KEYS[1], KEYS[2], KEYS[3], KEYS[9]
local base, n, budget = whole(ARGV[2]), whole(ARGV[3]), whole(ARGV[4])
local discard = ARGV[5] == '1'
local max_size, max_crashes = whole(ARGV[6]), whole(ARGV[7])
if not base or not n or not budget or not max_size or not max_crashes or n < 1 or n > 1000 then
  return redis.error_reply('ERR claim: base, n, budget or a limit is out of range')
end
local now = server_ms()
local whole_up_to = math.min(SHORT, max_size) -- bytes of a job that is answered whole, whatever it is

-- The job, or in short what is too large for the worker, or poison.
local function answer(job)
  if #job <= whole_up_to then return job end
  local _, crashes, _, _, start = envelope_of(job)
  local size = start and #job <= max_size + SHORT and #job - start or #job
  if size <= max_size and #job <= max_size + SHORT and (crashes or 0) < max_crashes then return job end
  return {size, string.sub(job, 1, SHORT)}
end

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
    local held = call('HMGET', claimed, unpack(numbers))
    for i = 1, last_count do held[i] = held[i] and answer(held[i]) end
    return {'jobs', now, base, held}
  end
  if last_base + last_count ~= base then return {'stale', now} end
  if call('HEXISTS', claimed, last_suspect) == 1 then suspect = last_suspect end
end

-- Every key's type is looked at before the first write: Redis does not roll a script back.
local woken = call('LLEN', inbox)
local head = call('LINDEX', queue, -1)
local waiting = call('LLEN', suspects)
local limits = call('HMGET', KEYS[6], 'paused', 'rate', 'rate_ms', 'rate_at', 'concurrency')

if woken > 0 then head = call('LINDEX', inbox, -1) end
-- Suspects that wait are ahead of the sentinel.
if not discard and head and is_sentinel(head) and (waiting == 0 or suspect ~= '0') then
  if woken > 0 then empty_inbox(inbox, queue) end
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
  -- Damaged counters stand in no job's way: then there is no limit.
  local c = redis.pcall('HMGET', KEYS[7], 'claimed', 'done', 'retried', 'buried', 'released', 'reaped')
  local held = tonumber(c[1]) or 0
  for i = 2, 6 do held = held - (tonumber(c[i]) or 0) end
  if held >= concurrency then return {'wait', now, 100} end
  n = math.min(n, concurrency - held)
end

local jobs, taken, bytes, discarded, set_aside, full, has_large = {}, 0, 0, 0, 0, false, false

-- Returns a step's elements from `from` on to the head of the line, in their order, and ends the batch.
local function give_back(step, from)
  local rest = {}
  for i = #step, from, -1 do rest[#rest + 1] = step[i] end
  if #rest > 0 then call('RPUSH', queue, unpack(rest)) end
  full = true
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
    elseif not is_plain and is_suspect(job) then
      call('LPUSH', suspects, job)
      set_aside = set_aside + 1
    else
      local size = #job
      taken = taken + 1
      bytes = bytes + size
      jobs[taken] = job
      if size > whole_up_to then has_large = true end
      if bytes >= budget then return give_back(step, i + 1) end
    end
  end
end

local function take_from_line()
  -- Small steps that grow: one huge job must not drag hundreds of others out and back in.
  local size = 1
  while not full and taken < n and discarded + set_aside < 1000 do
    local step = call('RPOP', queue, math.min(size, n - taken))
    if not step then break end
    accept(step)
    size = math.min(size * 4, 128)
  end
end

local function take_suspect()
  jobs[1], taken = call('RPOP', suspects), 1
  suspect = format('%.0f', base + 1)
  has_large = true
end

if woken > 0 then empty_inbox(inbox, queue) end
if waiting > 0 and suspect == '0' then take_suspect() else take_from_line() end
if taken == 0 and set_aside > 0 and suspect == '0' then take_suspect() end
count(KEYS[7], 'discarded', discarded)
if taken == 0 and waiting + set_aside > 0 then return {'wait', now, 250} end
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
if has_large then
  for i = 1, taken do jobs[i] = answer(jobs[i]) end
end
return {'jobs', now, base, jobs}
