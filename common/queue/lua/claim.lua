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
--#include _counted.lua
--#include _receipt.lua
--#include _short.lua
--#include _gate.lua
--#include _take.lua
--#include _record.lua
base, n, budget, discards = whole(base), whole(n), whole(budget), discards == '1'
max_size, max_crashes = whole(max_size), whole(max_crashes)
if not base or not n or not budget or not max_size or not max_crashes or n < 1 or n > 1000 then
  return redis.error_reply('ERR claim: base, n, budget or a limit is out of range')
end
local call, now = redis.call, server_ms()

if not call('ZSCORE', workers, worker) then return {'lost', now} end
-- Second: how many jobs a repeated claim has taken; of a new one, the suspect that the worker holds.
local replay, detail = replay_of(claimed, base)
if replay == 'stale' then return {'stale', now} end
if replay == 'repeat' then
  local numbers = {}
  for i = 1, detail do numbers[i] = base + i end
  local jobs = call('HMGET', claimed, unpack(numbers))
  for i = 1, detail do jobs[i] = jobs[i] and in_short(jobs[i], max_size, max_crashes) end
  return {'jobs', now, base, jobs}
end
local suspect = detail

-- Every key's type is looked at before the first write: Redis does not roll a script back.
local woken = call('LLEN', inbox)
local head = call('LINDEX', queue, -1)
local waiting = call('LLEN', suspects)
local gate = gate_read(settings)

if woken > 0 then head = call('LINDEX', inbox, -1) end
-- Waiting suspects come before the sentinel.
if not discards and head and is_sentinel(head) and (waiting == 0 or suspect ~= '0') then
  if woken > 0 then empty_inbox(inbox, queue) end
  return {'drain', now}
end

local allowed, wait = gate_allows(gate, settings, counts, now, n)
if allowed == 0 then return {'wait', now, wait} end

if woken > 0 then empty_inbox(inbox, queue) end
local jobs, largest, discarded, set_aside = {}, 0, 0, 0
if waiting == 0 or suspect ~= '0' then
  jobs, largest, discarded, set_aside = take_from_line(queue, suspects, allowed, budget, discards)
end
if #jobs == 0 and waiting + set_aside > 0 and suspect == '0' then
  jobs[1] = call('RPOP', suspects)
  suspect, largest = string.format('%.0f', base + 1), #jobs[1]
end
count(counts, 'discarded', discarded)
if #jobs == 0 and waiting + set_aside > 0 then return {'wait', now, 250} end
if #jobs == 0 then
  local due = redis.pcall('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
  return {'empty', now, due_of(due[2])}
end

record(claimed, base, jobs, suspect)
-- It is usually out already, unless a late request has put it there again: a worker that holds jobs is not waiting
-- for a drain to end.
redis.pcall('SREM', drained, worker)
count(counts, 'claimed', #jobs)
gate_commit(gate, settings, #jobs)
if largest > SHORT or largest > max_size then
  for i = 1, #jobs do jobs[i] = in_short(jobs[i], max_size, max_crashes) end
end
return {'jobs', now, base, jobs}
