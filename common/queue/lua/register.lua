#!lua flags=allow-oom
-- register: a worker enters under a new name, before its first claim.
-- KEYS[1] workers
-- KEYS[2] reaped
-- KEYS[3] settings
-- KEYS[4] gone
-- ARGV: worker, age of its process in ms
-- Answers {'ok' | 'drained' | 'fenced', now}. drained: a drain was completed after the process had started; the
-- worker belongs to those that were to exit. fenced: the name has left, and names are never reused.
--#include _time.lua
--#include _gone.lua
local now = server_ms()
redis.call('ZCARD', KEYS[1])
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 or is_gone(KEYS[4], ARGV[1]) then return {'fenced', now} end
local drained_at = whole(redis.call('HGET', KEYS[3], 'drained_at'))
-- A time in the future is that of a clock which was set back: it tells nothing.
if drained_at and drained_at <= now and drained_at >= now - tonumber(ARGV[2]) then
  return {'drained', now}
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
return {'ok', now}
