#!lua flags=allow-oom
-- unlist: queues that have been empty and without workers for long leave the set of queues; those that have got a job or
-- a worker since then come back.
-- KEYS[1] queues
-- KEYS[2] idle: queues that were seen empty -> since when; those that have left stay here for a time
-- KEYS[3...] home: of each queue the keys of which one exists while it is in use, as many for each
-- ARGV[1] age_ms: how long a queue has to have been empty
-- ARGV[2] memory_ms: for how long it is remembered after that
-- ARGV[3...] queue
-- Answers for each queue 2: it is in use; 1: it is empty, and listed; 0: it is not listed.
-- Repeatable.
--#include _time.lua
local now, age, memory = server_ms(), tonumber(ARGV[1]), tonumber(ARGV[2])
local each, states = (#KEYS - 2) / (#ARGV - 2), {}
redis.call('SCARD', KEYS[1])
for i = 1, #ARGV - 2 do
  local name, from = ARGV[i + 2], 3 + (i - 1) * each
  if redis.call('EXISTS', unpack(KEYS, from, from + each - 1)) > 0 then
    redis.call('ZREM', KEYS[2], name)
    redis.call('SADD', KEYS[1], name)
    states[i] = 2
  else
    local since = tonumber(redis.call('ZSCORE', KEYS[2], name) or '')
    -- A time in the future is that of a clock which was set back.
    if not since or since > now then
      since = now
      redis.call('ZADD', KEYS[2], now, name)
    end
    if now - since >= age then redis.call('SREM', KEYS[1], name) end
    if now - since >= age + memory then redis.call('ZREM', KEYS[2], name) end
    states[i] = now - since >= age and 0 or 1
  end
end
return states
