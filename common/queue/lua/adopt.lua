#!lua flags=allow-oom
-- adopt: hands the holding of a worker that is dead, or known to nobody, over to reap: for `darg fsck --repair`. Of the
-- fields that are not claim numbers, which reap would not see, the values go to the head of the line: what is no job is
-- buried there.
-- KEYS[1] workers
-- KEYS[2] reaped
-- KEYS[3] claimed
-- KEYS[4] queue
-- KEYS[5] drained
-- ARGV[1] worker
-- ARGV[2] seen: its score as it was seen; '' if it was not registered
-- ARGV[3...] field: those that are no claim numbers
-- Answers how many values were moved; -1: the worker lives, and nothing was done. Repeatable.
--#include _held.lua
redis.call('SCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
redis.call('LLEN', KEYS[4])
redis.call('SCARD', KEYS[5])
local worker = ARGV[1]
local score = redis.call('ZSCORE', KEYS[1], worker)
if score and tonumber(score) ~= tonumber(ARGV[2]) then return -1 end
redis.call('SADD', KEYS[2], worker)
redis.call('ZREM', KEYS[1], worker)
redis.call('SREM', KEYS[5], worker)
local moved = 0
for i = 3, #ARGV do
  local field = ARGV[i]
  local is_number = string.find(field, '^[1-9]%d*$') and #field <= 15
  local value = not is_number and not NO_JOBS[field] and redis.call('HGET', KEYS[3], field)
  if value then
    redis.call('RPUSH', KEYS[4], value)
    redis.call('HDEL', KEYS[3], field)
    moved = moved + 1
  end
end
return moved
