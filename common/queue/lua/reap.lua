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
local worker, seen, limit = ARGV[1], ARGV[2], math.min(tonumber(ARGV[3]), 500)
redis.call('HLEN', KEYS[3])
redis.call('LLEN', KEYS[4])
redis.call('SCARD', KEYS[6])
redis.call('LLEN', KEYS[7])
redis.call('LLEN', KEYS[9])
local score = redis.call('ZSCORE', KEYS[1], worker)
if score then
  if seen ~= '' and tonumber(score) ~= tonumber(seen) then return {'alive'} end
  redis.call('SADD', KEYS[2], worker)
  redis.call('ZREM', KEYS[1], worker)
  redis.call('SREM', KEYS[6], worker)
elseif redis.call('SISMEMBER', KEYS[2], worker) == 0 then
  return {'gone'}
end

-- The numbers of those that are to blame, or '*', with blanks between them.
local function whom_to_blame()
  local base, n = receipt_parts(redis.call('HGET', KEYS[3], 'last') or '')
  if n == 1 and base == whole(ARGV[4]) then
    local number = string.format('%.0f', base + 1)
    if #(redis.call('HGET', KEYS[3], number) or '') > 65536 then return number end
  end
  return table.concat(ARGV, ' ', 5)
end

local blame = redis.call('HGET', KEYS[3], 'blame')
if not blame and redis.call('HLEN', KEYS[3]) > 0 then
  blame = whom_to_blame()
  redis.pcall('HSET', KEYS[3], 'blame', blame) -- an access list that is older forbids it
end
local blamed = {}
for number in string.gmatch(blame or '', '%S+') do blamed[number] = true end
local numbers, total = held_numbers(KEYS[3], limit)
if total > 0 then empty_inbox(KEYS[7], KEYS[4]) end
local bytes, moved = 0, 0
for i = 1, #numbers do
  local number = numbers[i]
  local crash = (blamed['*'] or blamed[number]) and 1 or 0
  local text = bump(redis.call('HGET', KEYS[3], number), crash, worker .. ':' .. number)
  put_first(KEYS[4], KEYS[9], text)
  redis.call('HDEL', KEYS[3], number)
  moved, bytes = moved + 1, bytes + #text
  if bytes > 4194304 then break end
end
count(KEYS[5], 'reaped', moved)
if total > moved then return {'moved', moved, 1, redis.call('LLEN', KEYS[9])} end
redis.call('DEL', KEYS[3])
remember_gone(KEYS[8], worker, server_ms())
redis.call('SREM', KEYS[2], worker)
return {'moved', moved, 0, redis.call('LLEN', KEYS[9])}
