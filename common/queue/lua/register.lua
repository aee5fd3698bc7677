#!lua flags=allow-oom
-- register: a worker enters under a new name, before its first claim.
-- KEYS[1] workers
-- KEYS[2] reaped
-- KEYS[3] settings
-- KEYS[4] gone
-- ARGV: worker, age of its process in ms; then, if the process has been answered before, the drained_at it was given ('': none)
-- Answers {'ok' | 'drained' | 'fenced', now, drained_at or nil}. drained: a drain was completed after the process had
-- started, or since it was answered last; the worker belongs to those that were to leave. fenced: the name has left, and
-- names are never reused.
--#include _time.lua
--#include _gone.lua
local now = server_ms()
redis.call('ZCARD', KEYS[1])
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 or is_gone(KEYS[4], ARGV[1]) then return {'fenced', now} end
local drained_at, known = redis.call('HGET', KEYS[3], 'drained_at'), ARGV[3]
local at, is_drained = whole(drained_at), nil
if known then
  -- Whatever the clock says meanwhile: another time is another drain.
  is_drained = at and drained_at ~= known
else
  -- A time in the future is that of a clock which was set back: it tells nothing.
  is_drained = at and at <= now and at >= now - tonumber(ARGV[2])
end
if is_drained then return {'drained', now, drained_at} end
redis.call('ZADD', KEYS[1], now, ARGV[1])
return {'ok', now, drained_at}
