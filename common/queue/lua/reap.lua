#!lua flags=allow-oom
-- reap: recovers what a dead worker held. Fences it first, then moves its jobs back in order, each with one more run: to the
-- head of the line or, with one more crash, those that are to blame to the suspects.
-- KEYS[1] workers
-- KEYS[2] reaped
-- KEYS[3] claimed: of the dead worker
-- KEYS[4] queue
-- KEYS[5] counts
-- KEYS[6] drained
-- KEYS[7] inbox
-- KEYS[8] gone
-- KEYS[9] suspects
-- ARGV[1] worker: the dead one
-- ARGV[2] seen: its score as it was seen; '' if it is known to be dead
-- ARGV[3] limit: how many entries at most
-- ARGV[4] open: base of the claim that it had not got to the end of; '' if there was none or nobody knows
-- ARGV[5...] blamed: the number of each job that was running, or '*' (all: nobody knows what was running)
-- A worker that died as it read the answer to a claim of one large job died of that job, whatever ran beside it: that one
-- alone is blamed.
-- Answers {'alive'}: its score has changed; {'gone'}: nothing to do; {'moved', entries, 1 if more is left, how many suspects
-- wait}: to be called again, by anybody, while more is left.
-- Whom to blame is what the first call says: it is noted in the field `blame` of `claimed`, since another worker may have to go
-- on, which knows nothing.
--#include _time.lua
--#include _envelope.lua
--#include _suspects.lua
--#include _held.lua
--#include _receipt.lua
--#include _inbox.lua
--#include _gone.lua
limit = math.min(tonumber(limit), 500)
redis.call('HLEN', claimed)
redis.call('LLEN', queue)
redis.call('SCARD', drained)
redis.call('LLEN', inbox)
redis.call('LLEN', suspects)
local score = redis.call('ZSCORE', workers, worker)
if score then
  if seen ~= '' and tonumber(score) ~= tonumber(seen) then return {'alive'} end
  redis.call('SADD', reaped, worker)
  redis.call('ZREM', workers, worker)
  redis.call('SREM', drained, worker)
elseif redis.call('SISMEMBER', reaped, worker) == 0 then
  return {'gone'}
end

-- The numbers of the jobs to blame, or '*', with blanks between them.
local function whom_to_blame()
  local base, n = receipt_parts(redis.call('HGET', claimed, 'last') or '')
  if n == 1 and base == whole(open) then
    local number = string.format('%.0f', base + 1)
    if #(redis.call('HGET', claimed, number) or '') > 65536 then return number end
  end
  return table.concat(ARGV, ' ', blamed_at)
end

local blame = redis.call('HGET', claimed, 'blame')
if not blame and redis.call('HLEN', claimed) > 0 then
  blame = whom_to_blame()
  redis.pcall('HSET', claimed, 'blame', blame) -- an access list that is older forbids it
end
local blamed = {}
for number in string.gmatch(blame or '', '%S+') do blamed[number] = true end
local numbers, total = held_numbers(claimed, limit)
if total > 0 then empty_inbox(inbox, queue) end
local bytes, moved = 0, 0
for i = 1, #numbers do
  local number = numbers[i]
  local crash = (blamed['*'] or blamed[number]) and 1 or 0
  local text = bump(redis.call('HGET', claimed, number), crash, worker .. ':' .. number)
  put_first(queue, suspects, text)
  redis.call('HDEL', claimed, number)
  moved, bytes = moved + 1, bytes + #text
  if bytes > 4194304 then break end
end
count(counts, 'reaped', moved)
if total > moved then return {'moved', moved, 1, redis.call('LLEN', suspects)} end
redis.call('DEL', claimed)
remember_gone(gone, worker, server_ms())
redis.call('SREM', reaped, worker)
return {'moved', moved, 0, redis.call('LLEN', suspects)}
