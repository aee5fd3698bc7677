#!lua flags=allow-oom
-- unlist: queues that have been empty and without workers for long leave the set of queues; those that have got a job or
-- a worker since then come back.
-- KEYS[1] queues
-- KEYS[2] idle: queues that were seen empty -> since when; those that have left stay here for a time
-- KEYS[3...] place: of each queue the keys of which one exists while it is in use, as many for each
-- ARGV[1] age_ms: how long a queue has to have been empty
-- ARGV[2] memory_ms: for how long it is remembered after that
-- ARGV[3...] queue
-- Answers for each queue 2: it is in use; 1: it is empty, and listed; 0: it is not listed.
-- Repeatable.
--#include _time.lua
local now, age, memory = server_ms(), tonumber(age_ms), tonumber(memory_ms)
local each, states = (#KEYS - place_at + 1) / (#ARGV - queue_at + 1), {}
redis.call('SCARD', queues)
for i = 1, #ARGV - queue_at + 1 do
  local name, from = ARGV[queue_at + i - 1], place_at + (i - 1) * each
  if redis.call('EXISTS', unpack(KEYS, from, from + each - 1)) > 0 then
    redis.call('ZREM', idle, name)
    redis.call('SADD', queues, name)
    states[i] = 2
  else
    local since = tonumber(redis.call('ZSCORE', idle, name) or '')
    -- A time in the future was written before the clock was set back.
    if not since or since > now then
      since = now
      redis.call('ZADD', idle, now, name)
    end
    if now - since >= age then redis.call('SREM', queues, name) end
    if now - since >= age + memory then redis.call('ZREM', idle, name) end
    states[i] = now - since >= age and 0 or 1
  end
end
return states
