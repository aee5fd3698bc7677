#!lua flags=allow-oom
-- balance: compares what the counters say is held with what the workers hold, as of one moment: for `darg fsck`.
-- KEYS[1] counts
-- KEYS[2] workers
-- KEYS[3] reaped
-- KEYS[4...] claimed: of each worker
-- ARGV[1] expected: the difference that is to be mended; '': none
-- ARGV[2...] worker: of each further key
-- Answers {1 if all workers were named, counted less held, held}. Mends by counting what is missing as claimed, or
-- what is too much as released, and only if the difference is the one expected. Not repeatable; fsck looks again.
--#include _counted.lua
--#include _held.lua
local named, reaping, held = 0, 0, 0
for i = claimed_at, #KEYS do
  local worker = ARGV[worker_at + i - claimed_at]
  if redis.call('ZSCORE', workers, worker) then named = named + 1 end
  reaping = reaping + redis.call('SISMEMBER', reaped, worker)
  held = held + held_count(KEYS[i])
end
local all = named == redis.call('ZCARD', workers) and reaping == redis.call('SCARD', reaped)
local difference = counted_held(redis.call, counts) - held
if all and difference ~= 0 and difference == tonumber(expected) then
  local name = difference > 0 and 'released' or 'claimed'
  redis.call('HINCRBY', counts, name, string.format('%.0f', math.abs(difference)))
end
return {all and 1 or 0, difference, held}
