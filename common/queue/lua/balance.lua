#!lua flags=allow-oom
-- balance: compares what the counters say is held with what the workers hold, as of one moment: for `darg fsck`.
-- KEYS[1] counts
-- KEYS[2] workers
-- KEYS[3] reaped
-- KEYS[4...] claimed: of each worker
-- ARGV[1] difference: the one that is to be mended; '': none
-- ARGV[2...] worker: of each further key
-- Answers {1 if all workers were named, counted less held, held}. Mends by counting what is missing as claimed, or
-- what is too much as released, and only if the difference is the one expected. Not repeatable; fsck looks again.
--#include _counted.lua
--#include _held.lua
local named, reaping, held = 0, 0, 0
for i = 4, #KEYS do
  local worker = ARGV[i - 2]
  if redis.call('ZSCORE', KEYS[2], worker) then named = named + 1 end
  reaping = reaping + redis.call('SISMEMBER', KEYS[3], worker)
  held = held + held_count(KEYS[i])
end
local all = named == redis.call('ZCARD', KEYS[2]) and reaping == redis.call('SCARD', KEYS[3])
local difference = counted_held(redis.call, KEYS[1]) - held
if all and difference ~= 0 and difference == tonumber(ARGV[1]) then
  local name = difference > 0 and 'released' or 'claimed'
  redis.call('HINCRBY', KEYS[1], name, string.format('%.0f', math.abs(difference)))
end
return {all and 1 or 0, difference, held}
