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
redis.call('SCARD', reaped)
redis.call('HLEN', claimed)
redis.call('LLEN', queue)
redis.call('SCARD', drained)
local score = redis.call('ZSCORE', workers, worker)
if score and tonumber(score) ~= tonumber(seen) then return -1 end
redis.call('SADD', reaped, worker)
redis.call('ZREM', workers, worker)
redis.call('SREM', drained, worker)
local moved = 0
for i = field_at, #ARGV do
  local field = ARGV[i]
  local is_number = string.find(field, '^[1-9]%d*$') and #field <= 15
  local value = not is_number and not NO_JOBS[field] and redis.call('HGET', claimed, field)
  if value then
    redis.call('RPUSH', queue, value)
    redis.call('HDEL', claimed, field)
    moved = moved + 1
  end
end
return moved
